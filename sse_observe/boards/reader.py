"""
One board as it is now: its panels' answers, the alerts of the time, and the routes to choose from.

Asks with the report's own queries, and draws nothing.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sse_observe.boards.choice import Choice
from sse_observe.catalog.dashboards.marks import STARTED
from sse_observe.catalog.model import Board, Catalog, Row
from sse_observe.render.settings import Settings
from sse_observe.report.findings import episodes, panels, process_starts
from sse_observe.report.findings.episodes import Episode
from sse_observe.report.findings.panels import BoardView
from sse_observe.report.findings.process_starts import ProcessStart
from sse_observe.report.findings.subject import ROUTES, Subject
from sse_observe.report.query.batch import BatchRunner, NamedQuery
from sse_observe.report.query.evaluation import Evaluation, observe
from sse_observe.report.query.source import Source
from sse_observe.report.window import Window

TIMEOUT_SECONDS = 8.0
"""How long one query, and how long all queries of a board, may take: a viewer waits for them."""

NOTHING = (
    "No streams in this time range. Does this Prometheus scrape the service, and has it loaded the "
    "rules that `sse-observe render` writes?"
)
# How often rules are evaluated changes with a deploy of the rules alone.
_EVALUATION_SECONDS = 60.0
_MOST_ROUTES = 200


@dataclass(frozen=True, slots=True)
class LiveBoard:
    """
    A board with its answers over a window; `problem` says why there are none.

    `episodes` and `starts` are the marks behind every chart; `routes` those of the window.
    """

    view: BoardView
    window: Window
    episodes: tuple[Episode, ...] = ()
    starts: tuple[ProcessStart, ...] = ()
    routes: tuple[str, ...] = ()
    problem: str = ""


class BoardReader:
    """Asks one source about boards of a tuned catalogue; safe to ask from several threads."""

    def __init__(
        self,
        source: Source,
        catalog: Catalog,
        settings: Settings,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.source = source
        self._catalog = catalog
        self._settings = settings
        self._now = now
        self._evaluation = Evaluation(settings.intervals)
        self._observed_at = 0.0
        self._late_by = 0.0

    def read(self, board: Board, choice: Choice) -> LiveBoard:
        """Ask everything that the choice shows; ReportError where nothing can be asked."""
        now = self._now()
        if now - self._observed_at > _EVALUATION_SECONDS:
            self._evaluation = observe(self.source, self._settings, now)
            self._observed_at = now
            # Mimir evaluates its rules a minute late: what fires there seems to have ended.
            self._late_by = max(0.0, now - self._evaluation.until)
        window = choice.window(now, self._evaluation.intervals.usual)
        subject = Subject(self._catalog, self._settings, self._evaluation, window, choice.route)
        every_route = replace(subject, route=None).builder(window)
        own = replace(board, rows=tuple(_rows(board, choice.opened)))
        asked = panels.queries([own], subject.builder(window), window)
        alerts = self._catalog.alerts
        states = episodes.queries(alerts, window, choice.route)
        started = NamedQuery(process_starts.NAME, every_route.build(STARTED), window)
        routes = NamedQuery("Routes", every_route.build(ROUTES), at=window.end)
        runner = BatchRunner(self.source, limit_seconds=TIMEOUT_SECONDS)
        answers = runner.run([routes, *states, started, *asked.values()])
        until = window.end - self._late_by
        shown, since = (answers[one] for one in states)
        found = episodes.episodes(shown, since, alerts, window, until)
        (view,) = panels.board_views([own], alerts, asked, answers, runner.failures)
        names = {one.labels.get("route", "") for one in answers[routes].series}
        problem = ""
        if not answers[routes].answered:
            problem = runner.failures[0].reason
        elif not names:
            problem = NOTHING
        return LiveBoard(
            view,
            window,
            found,
            process_starts.process_starts(answers[started], window, found),
            tuple(sorted(names))[:_MOST_ROUTES],
            problem,
        )


def _rows(board: Board, opened: frozenset[str]) -> Iterator[Row]:
    """Yield the rows; of one that nobody has opened no panel is asked."""
    for row in board.rows:
        closed = row.collapsed and not row.by_instance and row.title not in opened
        yield replace(row, panels=()) if closed else row
