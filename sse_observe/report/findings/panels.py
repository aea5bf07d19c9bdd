"""The boards' panels with what their queries gave: the catalogue's, and no other."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sse_observe.catalog.model import Alert, Board, Panel, Query, Row
from sse_observe.render.limits import Limit, limits_of
from sse_observe.report.query.answer import Series
from sse_observe.report.query.batch import Answers, Failure, NamedQuery
from sse_observe.report.query.builder import QueryBuilder
from sse_observe.report.window import Window

_LABEL = re.compile(r"{{\s*(\w+)\s*}}")


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a panel, under the name that its legend gives it."""

    name: str
    query: int
    series: Series


@dataclass(frozen=True, slots=True)
class PanelView:
    """
    One panel, its lines and the limits of the alerts that watch it.

    `failure` is the reason where it was not answered, or in part; `exprs` are its queries as they
    were asked.
    """

    panel: Panel
    lines: tuple[Line, ...]
    limits: tuple[Limit, ...]
    failure: str = ""
    exprs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowView:
    """A row of a board, as far as its panels can be asked for a whole fleet."""

    row: Row
    panels: tuple[PanelView, ...]


@dataclass(frozen=True, slots=True)
class BoardView:
    """A board; `skipped` are the titles of rows that need somebody to choose instances."""

    board: Board
    rows: tuple[RowView, ...]
    skipped: tuple[str, ...]


class QueryKey(NamedTuple):
    """One query of a panel, by its number."""

    board: str
    panel: str
    number: int


PanelQueries = Mapping[QueryKey, NamedQuery]


def queries(boards: Iterable[Board], builder: QueryBuilder, window: Window) -> PanelQueries:
    """Ask every query of every panel that needs no choice of instances."""
    return {
        QueryKey(board.name, panel.title, number): NamedQuery(
            _query_name(board, panel),
            builder.build(query.expr),
            None if _is_of_the_end(panel, query) else window,
            window.end,
        )
        for board in boards
        for row in board.rows
        if not row.by_instance
        for panel in row.panels
        for number, query in enumerate(panel.queries)
    }


def board_views(
    boards: Iterable[Board],
    alerts: Iterable[Alert],
    asked: PanelQueries,
    answers: Answers,
    failures: Iterable[Failure],
) -> Iterator[BoardView]:
    """Yield each board with its answers, and why some are missing."""
    alerts = tuple(alerts)
    reasons = {failure.name: failure.reason for failure in failures}

    def panel_view(board: Board, panel: Panel) -> PanelView:
        own = [
            asked[QueryKey(board.name, panel.title, number)] for number in range(len(panel.queries))
        ]
        lines = [
            Line(_line_name(query, series), number, series)
            for number, query in enumerate(panel.queries)
            for series in answers[own[number]].series
        ]
        return PanelView(
            panel,
            tuple(lines),
            tuple(limits_of(panel, alerts)),
            reasons.get(_query_name(board, panel), ""),
            tuple(query.expr for query in own),
        )

    for board in boards:
        yield BoardView(
            board,
            tuple(
                RowView(row, tuple(panel_view(board, panel) for panel in row.panels))
                for row in board.rows
                if not row.by_instance
            ),
            tuple(row.title for row in board.rows if row.by_instance),
        )


def _query_name(board: Board, panel: Panel) -> str:
    return f"{board.title}: {panel.title}"


def _line_name(query: Query, series: Series) -> str:
    """Fill Grafana's `{{label}}` format, once: a value may look like one."""
    asked = _LABEL.findall(query.legend)
    if asked and not any(series.labels.get(label) for label in asked):
        return ""
    return _LABEL.sub(lambda found: series.labels.get(found[1], ""), query.legend)


def _is_of_the_end(panel: Panel, query: Query) -> bool:
    """Whether a panel shows the end of the window only; of a number the past is shown too."""
    return query.instant or panel.kind in ("table", "bargauge")
