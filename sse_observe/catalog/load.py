"""The whole catalogue, cross-checked: whatever names something names a thing that exists."""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib.resources import as_file, files
from pathlib import Path

from sse_observe.catalog.alert_pages import read_page
from sse_observe.catalog.dashboards import BOARDS
from sse_observe.catalog.model import Alert, Board, Catalog, Signal
from sse_observe.catalog.signals.completion import WINDOWS
from sse_observe.catalog.signals.recordings import SIGNALS
from sse_observe.errors import CatalogError
from sse_observe.metrics import METRICS

HEADINGS = (
    "Impact",
    "First five minutes",
    "Mitigation",
    "Meaning",
    "Diagnosis",
    "Root-cause fix",
    "False positives and tuning",
    "Escalation",
    "Related",
    "Test it",
)
"""What follows the generated heading `Alert`, in this order, on every page."""

# Strings are skipped whole, so that no label value is taken for a series.
_SERIES = re.compile(
    r'"(?:\\.|[^"\\])*"|(?<![\w:])(?P<name>(?:sse_|route:|route_split:)[a-zA-Z0-9_:]*)'
)
_LABEL = re.compile(r"\$labels\.(\w+)")
_HEADING = re.compile(r"^## +(.+?) *$", re.MULTILINE)
_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(rf"{_FENCE.pattern}|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((SSE\w*)\.md")
_FIX = re.compile(r"<< fix\('([^']*)'\) >>")
_HISTOGRAM_SERIES = ("_bucket", "_sum", "_count")


def load(extra_alerts: Path | None = None, group_by: Iterable[str] = ()) -> Catalog:
    """
    Return the catalogue, with the alert pages of a user's own folder where one is given.

    `group_by` are the user's grouping labels, which such a page may name. CatalogError holds one
    line for each fault.
    """
    with as_file(files("sse_observe.catalog")) as here:
        alerts = _pages(here / "alerts", "sse_observe/catalog/alerts")
        fixes = {path.stem: path.read_text("utf-8") for path in (here / "fixes").glob("*.md")}
    if extra_alerts is not None:
        if not extra_alerts.is_dir():
            raise CatalogError(f"{extra_alerts}: no such folder; extra_alerts names one")
        alerts += _pages(extra_alerts, str(extra_alerts))
    catalog = Catalog(signals=SIGNALS, boards=BOARDS, alerts=tuple(alerts), fixes=fixes)
    found = [*problems(catalog, group_by), *unread(catalog)]
    if found:
        raise CatalogError("\n".join(found))
    return catalog


def _pages(folder: Path, source: str) -> list[Alert]:
    alerts: list[Alert] = []
    faults: list[str] = []
    for path in sorted(folder.glob("*.md")):
        try:
            alerts.append(read_page(path, f"{source}/{path.name}"))
        except CatalogError as error:
            faults.append(str(error))
    if faults:
        raise CatalogError("\n".join(faults))
    return alerts


def problems(catalog: Catalog, group_by: Iterable[str] = ()) -> Iterator[str]:
    """Yield each contradiction: where it stands, what is wrong, the remedy."""
    signals = {signal.record: signal for signal in catalog.signals}
    known = {*signals, *raw_series()}
    yield from _signal_problems(catalog.signals, known)
    boards = {board.name: board for board in catalog.boards}
    for board in catalog.boards:
        for title, name in _plotted(board):
            if name not in known:
                yield f"{board.name}: {title}: {_unknown(name, known)}"
    names = [alert.name for alert in catalog.alerts]
    for alert in catalog.alerts:
        if names.count(alert.name) > 1:
            yield f"{alert.source}: {alert.name} is taken; rename the page"
        facts = _alert_problems(alert, signals, boards, set(group_by))
        yield from (f"{alert.source}: {fault}" for fault in facts)
        yield from (f"{alert.source}: {fault}" for fault in _prose_problems(alert, catalog, known))


def unread(catalog: Catalog) -> Iterator[str]:
    """Yield each signal that no other signal, panel, alert or runbook reads."""
    used = {name for signal in catalog.signals for name in series_in(signal.expr)}
    used |= {name for board in catalog.boards for _, name in _plotted(board)}
    for alert in catalog.alerts:
        used |= {*alert.signals(), *alert.guard_signals()}
        # The settings may choose any window.
        used |= {
            guard.signal.replace("{long}", span)
            for guard in alert.guards
            for span in WINDOWS
            if alert.windows
        }
        used |= {name for code in _CODE.findall(alert.prose) for name in series_in(code)}
    for signal in catalog.signals:
        if signal.record not in used:
            yield f"signal {signal.record}: nobody reads it; show it in a panel, or drop it"


def raw_series() -> set[str]:
    """Return the name of every series that the exporter writes."""
    return {
        metric.name + suffix
        for metric in METRICS.values()
        for suffix in (_HISTOGRAM_SERIES if metric.kind == "histogram" else ("",))
    }


def series_in(text: str) -> list[str]:
    """Return the names of our series in PromQL, in order."""
    return [match["name"] for match in _SERIES.finditer(text) if match["name"]]


def _signal_problems(signals: Iterable[Signal], known: set[str]) -> Iterator[str]:
    seen = raw_series()
    for signal in signals:
        if signal.record in seen:
            yield f"signal {signal.record}: recorded twice; rename one"
        for name in series_in(signal.expr):
            if name not in known:
                yield f"signal {signal.record}: {_unknown(name, known)}"
            elif name not in seen:
                yield f"signal {signal.record}: {name} is recorded after it; move it up"
        seen.add(signal.record)


def _alert_problems(
    alert: Alert,
    signals: Mapping[str, Signal],
    boards: Mapping[str, Board],
    group_by: set[str],
) -> Iterator[str]:
    if not re.fullmatch(r"SSE[A-Z]\w*", alert.name):
        yield f"{alert.name}: an alert's name starts with SSE and a capital; rename the page"
    unknown = [n for n in (*alert.signals(), *alert.guard_signals()) if n not in signals]
    for name in unknown:
        yield _unknown(name, set(signals))
    if alert.dashboard not in boards:
        yield f"dashboard: {_unknown(alert.dashboard, set(boards))}"
    elif not unknown:
        plotted = {name for _, name in _plotted(boards[alert.dashboard])}
        if not plotted & set(alert.signals()):
            yield (
                f"dashboard: no panel of {alert.dashboard} shows {alert.signals()[0]}; "
                "add one: an alert that nobody can look at is a fault"
            )
    if "{{" in alert.summary:
        yield "summary: it must read the same for every alert; move values to the description"
    if not unknown:
        labels = {*signals[alert.signals()[0]].labels, *alert.labels, *group_by}
        labels |= {"long", "short"} if alert.windows else set()
        for name in _LABEL.findall(alert.description):
            if name not in labels:
                yield (
                    f"description: $labels.{name} is no label of the expression; "
                    f"it has {', '.join(sorted(labels))}"
                )


def _prose_problems(alert: Alert, catalog: Catalog, known: set[str]) -> Iterator[str]:
    found = tuple(_HEADING.findall(_FENCE.sub("", alert.prose)))
    if found != HEADINGS:
        expected = next(
            (
                want
                for want, have in zip(HEADINGS, (*found, *HEADINGS), strict=False)
                if want != have
            ),
            None,
        )
        yield (
            f"heading `## {expected}` is missing or out of place; the order is "
            f"{', '.join(HEADINGS)}"
            if expected
            else f"heading `## {found[len(HEADINGS)]}` is one too many; fold it into another"
        )
    names = {other.name for other in catalog.alerts}
    for name in _LINK.findall(alert.prose):
        if name not in names:
            yield f"link to {name}.md: {_unknown(name, names)}"
    for name in _FIX.findall(alert.prose):
        if name not in catalog.fixes:
            yield f"fix: {_unknown(name, set(catalog.fixes))}"
    for code in _CODE.findall(alert.prose):
        for name in series_in(code):
            if name not in known and name not in METRICS and name != "sse_observe":
                yield _unknown(name, known)


def _plotted(board: Board) -> Iterator[tuple[str, str]]:
    """Yield each series that a panel reads, with the panel's title."""
    for row in board.rows:
        for panel in row.panels:
            for query in panel.queries:
                for name in series_in(query.expr):
                    yield panel.title, name


def _unknown(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"{name} does not exist" + (f"; did you mean {near[0]}?" if near else "")
