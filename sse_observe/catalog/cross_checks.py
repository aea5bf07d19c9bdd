"""
Checks of the catalogue as a whole: each name in it names a thing that exists.

Reads what was loaded; loads nothing, and corrects nothing.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import NamedTuple

from sse_observe.catalog import datadog
from sse_observe.catalog.alert_pages import HEADINGS
from sse_observe.catalog.model import Alert, Board, Catalog, Signal
from sse_observe.catalog.nearest import did_you_mean
from sse_observe.catalog.placement import Placement
from sse_observe.catalog.series import RAW, series_in
from sse_observe.catalog.signals.completion import WINDOWS
from sse_observe.metrics import METRICS

NAME = re.compile(r"SSE[A-Z]\w*")
"""The form of an alert's name."""

_LABEL = re.compile(r"\$labels\.(\w+)")
_HEADING = re.compile(r"^## +(.+?) *$", re.MULTILINE)
_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(rf"{_FENCE.pattern}|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((SSE\w*)\.md")
_FIX = re.compile(r"<< fix\('([^']*)'\) >>")
# The name of the package begins like a series, and is none.
_OURS = {*METRICS, "sse_observe"}


class _Read(NamedTuple):
    """One series that a panel reads."""

    panel: str
    series: str


def problems(catalog: Catalog, group_by: Iterable[str] = ()) -> Iterator[str]:
    """Yield each contradiction: where it stands, what is wrong, the remedy."""
    known = {*RAW, *(signal.record for signal in catalog.signals)}
    yield from _signal_problems(catalog.signals, known)
    placement = Placement(catalog.signals)
    yield from placement.problems()
    yield from datadog.problems(catalog.signals)
    for board in catalog.boards:
        for panel, series in _reads(board):
            if series not in known:
                yield f"{board.name}: {panel}: {_unknown(series, known)}"
    names = [alert.name for alert in catalog.alerts]
    for alert in catalog.alerts:
        found = [
            *([f"{alert.name} is taken; rename the page"] if names.count(alert.name) > 1 else ()),
            *_fact_problems(alert, catalog, set(group_by)),
            *_prose_problems(alert, catalog, known),
            *placement.alert_problems(alert),
        ]
        yield from (f"{alert.source}: {problem}" for problem in found)


def unread(catalog: Catalog) -> Iterator[str]:
    """Yield each signal that no other signal, panel, alert or runbook reads."""
    used = {name for signal in catalog.signals for name in series_in(signal.expr)}
    used |= {read.series for board in catalog.boards for read in _reads(board)}
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
            yield f"signal {signal.record}: nothing reads it; show it in a panel, or remove it"


def _signal_problems(signals: Iterable[Signal], known: Collection[str]) -> Iterator[str]:
    seen = {*RAW}
    for signal in signals:
        if signal.record in seen:
            yield f"signal {signal.record}: recorded twice; rename one"
        for name in series_in(signal.expr):
            if name not in known:
                yield f"signal {signal.record}: {_unknown(name, known)}"
            elif name not in seen:
                yield f"signal {signal.record}: {name} is recorded after it; move it up"
        seen.add(signal.record)


def _fact_problems(alert: Alert, catalog: Catalog, group_by: set[str]) -> Iterator[str]:
    signals = {signal.record: signal for signal in catalog.signals}
    if not NAME.fullmatch(alert.name):
        yield f"{alert.name}: an alert's name starts with SSE and a capital; rename the page"
    unknown = [n for n in (*alert.signals(), *alert.guard_signals()) if n not in signals]
    for name in unknown:
        yield _unknown(name, signals)
    boards = {board.name: board for board in catalog.boards}
    if alert.dashboard not in boards:
        yield f"dashboard: {_unknown(alert.dashboard, boards)}"
    elif not unknown:
        yield from _unseen(alert, boards[alert.dashboard])
    if "{{" in alert.summary:
        yield "summary: it must read the same for every alert; move values to the description"
    if not unknown:
        yield from _label_problems(alert, signals, group_by)


def _unseen(alert: Alert, board: Board) -> Iterator[str]:
    if not {read.series for read in _reads(board)} & {*alert.signals()}:
        yield (
            f"dashboard: no panel of {board.name} shows {alert.signals()[0]}; "
            "add one: every alert must be visible on its dashboard"
        )


def _label_problems(
    alert: Alert, signals: Mapping[str, Signal], group_by: set[str]
) -> Iterator[str]:
    labels = {*signals[alert.signals()[0]].labels, *group_by}
    for problem in holes(alert.description, labels):
        yield f"description: {problem}"


def holes(text: str, labels: Collection[str]) -> Iterator[str]:
    """
    Yield each label of an annotation's template that Prometheus would expand to nothing.

    It knows the labels of what the expression yields, and none that the rule itself adds.
    """
    for name in _LABEL.findall(text):
        if name not in labels:
            yield (
                f"$labels.{name} is no label of the expression; it has {', '.join(sorted(labels))}"
            )


def _prose_problems(alert: Alert, catalog: Catalog, known: Collection[str]) -> Iterator[str]:
    yield from _heading_problems(_HEADING.findall(_FENCE.sub("", alert.prose)))
    names = {other.name for other in catalog.alerts}
    for name in _LINK.findall(alert.prose):
        if name not in names:
            yield f"link to {name}.md: {_unknown(name, names)}"
    for name in _FIX.findall(alert.prose):
        if name not in catalog.fixes:
            yield f"fix: {_unknown(name, catalog.fixes)}"
    for code in _CODE.findall(alert.prose):
        for name in series_in(code):
            if name not in known and name not in _OURS:
                yield _unknown(name, known)


def _heading_problems(found: list[str]) -> Iterator[str]:
    for wanted, heading in zip_longest(HEADINGS, found):
        if wanted is None:
            yield f"heading `## {heading}` is one too many; move its text under another"
            return
        if wanted != heading:
            yield (
                f"heading `## {wanted}` is missing or out of place; the order is "
                f"{', '.join(HEADINGS)}"
            )
            return


def _reads(board: Board) -> Iterator[_Read]:
    for row in board.rows:
        for panel in row.panels:
            for query in panel.queries:
                for series in series_in(query.expr):
                    yield _Read(panel.title, series)


def _unknown(name: str, known: Iterable[str]) -> str:
    remedy = did_you_mean(name, known)
    return f"{name} does not exist" + (f"; {remedy}" if remedy else "")
