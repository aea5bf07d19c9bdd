"""Tables for the documents: dashboards, alerts, endings, metrics, checks and a fleet's series."""

from collections.abc import Iterable, Iterator

from sse_observe.catalog.load import load
from sse_observe.catalog.model import Board
from sse_observe.check.checks import every
from sse_observe.check.local import setup
from sse_observe.check.truth import judge as truth
from sse_observe.metrics import METRICS, Source
from tests.support.outcomes import (
    APPLICATIONS,
    DIFFERENCES,
    ENDINGS,
    NO_STREAM,
    SERVERS,
    Difference,
    difference,
)

# A fleet, for whoever sizes a Prometheus.
INSTANCES, ROUTES, SCRAPE_SECONDS = 1000, 5, 15

RUNBOOKS = "../../runbooks"
"""Where runbooks are, seen from the pages of the reference."""


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def endings() -> str:
    """Return how endings are counted: a row per ending, a column per server, reasons below."""
    columns: dict[str, list[str]] = {}
    for server, column in SERVERS.items():
        columns.setdefault(column, []).append(server)
    # Several of the same words count the same, and are one row.
    rows = dict.fromkeys(
        (
            ending.words,
            "nothing" if ending.truth == NO_STREAM else f"`{ending.truth}`",
            *(_on_server(name, servers) for servers in columns.values()),
        )
        for name, ending in ENDINGS.items()
    )
    reasons = (f"{number}. {case.why}" for number, case in enumerate(DIFFERENCES, 1))
    grid = table(("How it ends", "Counted as", *columns), rows)
    return "\n".join(("", grid, "", *reasons, ""))


def _on_server(name: str, servers: list[str]) -> str:
    """Return one cell; set-ups that share a column count the same."""
    had_by = [server for server in servers if server in ENDINGS[name].servers]
    if not had_by:
        return "–"
    (cells,) = {
        tuple(difference(server, application, name) for application in APPLICATIONS)
        for server in had_by
    }
    others: dict[Difference, list[str]] = {}
    for case, words in zip(cells, APPLICATIONS.values(), strict=True):
        if case is not None:
            others.setdefault(case, []).append(words)
    others_counted = (
        f"{'' if case.true else '✗ '}"
        f"{'all' if len(found) == len(APPLICATIONS) else ', '.join(found)}: "
        f"`{case.counted}` [{DIFFERENCES.index(case) + 1}]"
        for case, found in others.items()
    )
    return "; ".join(others_counted) or "✓"


def dashboards() -> str:
    """Return the dashboards: each with its question, its rows and their panels."""
    return "\n".join(line for board in load().boards for line in _board(board))


def _board(board: Board) -> Iterator[str]:
    yield from ("", f"## {board.title}", "")
    yield f"{board.question} File: [{board.name}.json](../../dashboards/{board.name}.json)."
    for row in board.rows:
        yield from ("", f"### {row.title}{' (collapsed)' if row.collapsed else ''}", "")
        rows = ((panel.title, panel.unit, cell(panel.description)) for panel in row.panels)
        yield table(("Panel", "Unit", "What it shows"), rows)
    yield ""


def cell(text: str) -> str:
    """Return a text as one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def alerts() -> str:
    """Return the alerts with their severities and boards."""
    rows = (
        (
            f"[{alert.name}]({RUNBOOKS}/{alert.name}.md)",
            ", ".join(alert.severities),
            alert.summary,
            f"[{alert.dashboard}](dashboards.md#sse-{alert.dashboard})",
        )
        for alert in load().alerts
    )
    return table(("Alert", "Severity", "Summary", "Board"), rows)


def checks() -> str:
    """Return the checks of `sse-observe check`, with what each must be asked for with."""
    asked_by = [
        *((one, one.flag and f"--{one.flag.replace('_', '-')}") for one in every()),
        *((one, "--app") for one in setup.CHECKS),
        *((one, "--upstream-script") for one in truth.CHECKS),
    ]
    rows = (
        (
            check.id,
            check.question,
            check.passes,
            f"`{option}`" if option else "–",
            f"[{check.remedy.runbook}]({RUNBOOKS}/{check.remedy.runbook}.md)",
        )
        for check, option in asked_by
    )
    return table(("", "Question", "Passes", "Asked by", "Runbook"), rows)


def metrics() -> str:
    """Return every metric with its labels and its help."""
    rows = (
        (
            f"`{metric.name}`",
            metric.kind,
            " ".join(f"`{label}`" for label in metric.labels) or "–",
            metric.help,
        )
        for metric in METRICS.values()
    )
    return table(("Metric", "Kind", "Labels", "Meaning"), rows)


def contract() -> str:
    """Return every metric as somebody else would write it: source, and the values of labels."""
    rows = (
        (
            f"`{metric.name}`",
            metric.kind,
            metric.source,
            "; ".join(
                f"`{label}`: {', '.join(values)}" if values else f"`{label}`"
                for label, values in metric.labels.items()
            )
            or "–",
            metric.help,
        )
        for metric in METRICS.values()
    )
    return table(("Metric", "Kind", "Source", "Labels and their values", "Meaning"), rows)


def fleet() -> str:
    """Return the series that a fleet exports: what every process has, and with everything on."""
    every: dict[str, tuple[Source, ...]] = {
        "server and replay": ("process", "server", "replay"),
        "everything on": ("process", "server", "replay", "tcp", "client"),
    }
    head = (
        "",
        "one route of one process",
        "a process besides",
        f"{INSTANCES:,} instances of {ROUTES} routes",
        f"samples a second, every {SCRAPE_SECONDS} s",
    )
    return table(head, (_fleet(name, sources) for name, sources in every.items()))


def _fleet(name: str, sources: tuple[Source, ...]) -> tuple[str, ...]:
    of_route, besides = (
        sum(
            metric.series()
            for metric in METRICS.values()
            if metric.source in sources and ("route" in metric.labels) is routed
        )
        for routed in (True, False)
    )
    whole = INSTANCES * (ROUTES * of_route + besides)
    return name, *(f"{n:,}" for n in (of_route, besides, whole, whole // SCRAPE_SECONDS))
