"""The demo's first web page: a stream to watch, two buttons, the alerts, and where to go on."""

from collections.abc import Iterable

from sse_observe.boards.page import board_path
from sse_observe.boards.runbook_pages import runbook_path
from sse_observe.boards.web_pages import web_page
from sse_observe.catalog.model import Board
from sse_observe.lab.demo.plug import SECONDS
from sse_observe.report.output.markup import Markup, inner, tag

_NUMBERS = {
    "completion": "Completion rate",
    "active": "Active streams",
    "mean_reconnect": "Mean reconnect time",
    "lost_events": "Message loss",
    "stalls": "Stall detections",
}
"""The numbers of a snapshot that the page shows, each with its name."""


def home_page(boards: Iterable[Board], users: int) -> str:
    """Return the page; its script fills in what changes."""
    head = inner(
        *(
            tag("link", rel="stylesheet", href=path)
            for path in ("/boards/theme.css", "/boards/page.css", "/demo/home.css")
        ),
        tag("script", src="/demo/home.js", type="module"),
    )
    return web_page("sse-observe demo", tag("main", *_parts(boards, users)), head)


def _parts(boards: Iterable[Board], users: int) -> Iterable[Markup]:
    yield tag("h1", "sse-observe")
    yield tag(
        "p",
        f"A service streams answers of a model to {users} synthetic users on bad networks. "
        "Its streams are measured, rules judge them, and alerts fire. All of it runs on this "
        "machine; an hour of the rules passes in two minutes.",
    )
    yield tag(
        "section",
        tag("h2", "One stream, yours", id="stream"),
        tag("p", "The browser's own client reads it: ", tag("strong", id="status")),
        # A voice would read each word twice.
        tag("p", id="answer", aria_live="off"),
        tag(
            "p",
            tag("button", "Pull the plug", type="button", id="plug"),
            f" Nobody has a network for {SECONDS:g} seconds. Your answer goes on where it broke.",
        ),
        aria_labelledby="stream",
    )
    yield tag(
        "section",
        tag("h2", "All streams", id="all"),
        tag(
            "p",
            tag("strong", "Starting.", id="phase", role="status"),
            " ",
            tag("span", id="clock", class_="soft"),
        ),
        tag("dl", *_numbers(), class_="numbers"),
        tag(
            "p",
            tag("button", "Start the incident", type="button", id="incident"),
            " Four answers in ten fail, for half a minute.",
        ),
        tag("p", id="note"),
        aria_labelledby="all",
    )
    yield tag(
        "section",
        tag("h2", "Alerts", id="fired"),
        tag("ul", tag("li", "No alert is pending or firing."), id="alerts", role="status"),
        aria_labelledby="fired",
    )
    yield tag(
        "nav",
        tag("h2", "Look closer", id="closer"),
        tag("ul", *_links(boards), id="links"),
        aria_labelledby="closer",
    )


def _numbers() -> Iterable[Markup]:
    for key, name in _NUMBERS.items():
        yield tag("div", tag("dt", name), tag("dd", "–", id=f"number-{key}"))


def _links(boards: Iterable[Board]) -> Iterable[Markup]:
    for board in boards:
        link = tag("a", board.title, href=board_path(board))
        yield tag("li", link, " ", tag("span", board.question, class_="soft"))
    for name, path, words in (
        ("Runbooks", runbook_path("README"), "What to do when an alert fires."),
        ("Metrics", "/metrics", "As Prometheus reads them."),
    ):
        yield tag("li", tag("a", name, href=path), " ", tag("span", words, class_="soft"))
