"""
The page of a board: its frame, which stays, and its content, which a script asks for again.

Draws through the report's own code; adds the controls, the alerts of now, and where panels lead.
"""

from collections.abc import Iterable, Iterator

from sse_observe.boards.choice import RANGES, USUAL_RANGE
from sse_observe.boards.console import Console
from sse_observe.boards.reader import LiveBoard
from sse_observe.boards.runbook_pages import runbook_path
from sse_observe.boards.web_pages import web_page
from sse_observe.catalog.model import Board
from sse_observe.report.findings.episodes import Episode
from sse_observe.report.findings.panels import PanelView
from sse_observe.report.output.boards import Charts, board_section
from sse_observe.report.output.figure import milliseconds
from sse_observe.report.output.markup import Markup, inner, table, tag, visible
from sse_observe.report.output.timeline import background, episode_label, timeline
from sse_observe.report.units import format_duration, format_time
from sse_observe.report.window import Window

_STYLES = ("report.css", "theme.css", "boards.css")
# The largest last: what it takes to be read, the first answer takes to come.
_SCRIPTS = ("charts.js", "boards.js", "plotly.js")
_MOST_ALERTS = 20


def board_path(board: Board) -> str:
    """Return the path at which Grafana shows a board, and we do too."""
    return f"/d/{board.uid}"


def board_page(
    board: Board, boards: Iterable[Board], version: str, usual_range: str = USUAL_RANGE
) -> str:
    """
    Return the frame of a board's page.

    `version` tells a browser when to load scripts anew; `usual_range` is shown where the address
    says nothing.
    """
    head = inner(
        *(tag("link", rel="stylesheet", href=f"/boards/{one}?v={version}") for one in _STYLES),
        *(tag("script", src=f"/boards/{one}?v={version}", defer=True) for one in _SCRIPTS),
    )
    places: list[tuple[str, str, str | None]] = [("/", "Start", None)]
    places += [(board_path(one), one.title, "page" if one is board else None) for one in boards]
    links = (
        tag("li", tag("a", title, href=path, aria_current=current))
        for path, title, current in places
    )
    body = inner(
        tag("a", "Skip to the board", href="#board", class_="skip"),
        tag(
            "header",
            tag("nav", tag("ul", *links), aria_label="Boards"),
            tag("h1", board.title),
            _controls(usual_range),
            tag("p", "Asking Prometheus …", id="state", class_="soft small"),
            tag("div", id="problem", role="alert"),
            tag("div", id="alerts", role="status", aria_label="Alerts now"),
        ),
        tag("main", tag("p", "Asking Prometheus …"), id="board", tabindex="-1", aria_busy="true"),
        tag("noscript", tag("p", "A script draws this board: allow scripts for this address.")),
        tag(
            "footer",
            tag(
                "p",
                "In every chart: shaded while alerts fired, dotted where a process started, dashed "
                "at the threshold of an alert. Times in charts are UTC. ",
                tag("a", "Runbooks", href=runbook_path("README")),
            ),
        ),
    )
    return web_page(board.title, body, head)


def _controls(usual_range: str) -> Markup:
    ranges = [f"now-{one}" for one in RANGES]
    options = (
        tag("option", f"Last {one[4:]}", value=one, selected=one == usual_range) for one in ranges
    )
    return tag(
        "form",
        tag("label", "Time range ", tag("select", *options, name="from", data_usual=usual_range)),
        tag(
            "label",
            "Route ",
            tag("select", tag("option", "All routes", value=""), name="var-route"),
        ),
        tag(
            "label",
            "Colours ",
            tag(
                "select",
                *(
                    tag("option", word, value=word.lower() if word != "As the system" else "")
                    for word in ("As the system", "Light", "Dark")
                ),
                id="theme",
            ),
        ),
        tag("label", tag("input", type="checkbox", id="live", checked=True), " Live"),
        id="choice",
        aria_label="What to show",
    )


def live_content(live: LiveBoard, console: Console) -> dict[str, object]:
    """Return the content of a board as its script takes it: HTML, figures and marks."""
    window = live.window

    def links(view: PanelView) -> Markup:
        return _links(view, console, window)

    charts = Charts(window, links)
    board = board_section(live.view, charts)
    history = _history(live.episodes, charts)
    return {
        "board": inner(history, board),
        "alerts": _alerts_now(live.episodes, window),
        "problem": live.problem,
        "figures": charts.figures,
        "range": [milliseconds(window.start), milliseconds(window.end)],
        "background": background(live.episodes, live.starts, window),
        "routes": [[route, visible(route)] for route in live.routes],
        "state": f"As of {format_time(window.end)} UTC, a point every "
        f"{format_duration(window.step)}.",
    }


def _links(view: PanelView, console: Console, window: Window) -> Markup:
    """Return where a panel leads: its queries in Prometheus, and the runbooks of its alerts."""
    query = console.query(view.exprs, window)
    alerts = dict.fromkeys(limit.alert for limit in view.limits)
    links = [tag("a", "Query", href=query, aria_label=f"Query of {view.panel.title}")] * bool(query)
    links += [tag("a", f"Runbook {name}", href=runbook_path(name)) for name in alerts]
    if not links:
        links = [tag("a", "Runbooks", href=runbook_path("README"))]
    parts: list[str | Markup] = []
    for link in links:
        parts += [" · ", link] if parts else [link]
    return tag("p", *parts, class_="links")


def _alerts_now(episodes: Iterable[Episode], window: Window) -> Markup:
    active = [one for one in episodes if one.ongoing]
    if not active:
        return tag("p", "No alert is firing or pending.", class_="soft")
    items = [tag("li", *_alert(one, window)) for one in active[:_MOST_ALERTS]]
    if len(active) > _MOST_ALERTS:
        items.append(tag("li", f"and {len(active) - _MOST_ALERTS} more"))
    return tag("ul", *items)


def _alert(one: Episode, window: Window) -> Iterator[Markup | str]:
    began = format_time(one.start, day=window.spans_days)
    label = episode_label(one)
    yield tag("span", one.severity, class_=f"severity {one.severity}")
    yield " "
    yield tag("a", label, href=runbook_path(one.alert), aria_label=f"{label}: runbook")
    state = "firing" if one.fired else "pending"
    yield f" {state} {'since' if one.start > window.start else 'since before'} {began}"


def _history(episodes: Iterable[Episode], charts: Charts) -> Markup | None:
    """Return what fired in the window as bars, and the same as a table."""
    fired = [one for one in episodes if one.fired]
    if not fired:
        return None
    window = charts.window
    rows = [
        (
            episode_label(one),
            tag("span", one.severity, class_=f"severity {one.severity}"),
            format_time(one.start, day=window.spans_days),
            "still firing" if one.ongoing else format_time(one.end, day=window.spans_days),
        )
        for one in fired[:_MOST_ALERTS]
    ]
    bars = charts.place(
        timeline(fired[:_MOST_ALERTS], window), "Bars over time; a table below says the same."
    )
    shown = table("Alerts that fired in this range", ("Alert", "Severity", "From", "Until"), rows)
    return tag(
        "details", tag("summary", f"Alerts that fired in this range: {len(fired)}"), bars, shown
    )
