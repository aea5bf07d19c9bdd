"""The boards' panels with what their queries gave: the catalogue's, and no other."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sse_observe.catalog.model import Board, Catalog, Panel, Query, Row
from sse_observe.render.limits import Limit, limits_of
from sse_observe.report.query.answer import Answer, Series
from sse_observe.report.query.batch import Question
from sse_observe.report.query.builder import Wording
from sse_observe.report.query.window import Window

_LABEL = re.compile(r"{{\s*(\w+)\s*}}")


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a panel, under the name that its legend gives it."""

    name: str
    query: int
    series: Series


@dataclass(frozen=True, slots=True)
class View:
    """One panel, its lines and the limits of the alerts that watch it; `failed` says why not."""

    panel: Panel
    lines: tuple[Line, ...]
    limits: tuple[Limit, ...]
    failed: str = ""


@dataclass(frozen=True, slots=True)
class RowView:
    """A row of a board, as far as its panels can be asked for a whole fleet."""

    row: Row
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class BoardView:
    """A board; `skipped` are the titles of rows that need somebody to choose instances."""

    board: Board
    rows: tuple[RowView, ...]
    skipped: tuple[str, ...]


Asked = Mapping[tuple[str, str, int], Question]
"""By board, panel and the query's number."""


def questions(catalog: Catalog, wording: Wording, window: Window) -> Asked:
    """Ask every query of every panel that needs no choice of instances."""
    return {
        (board.name, panel.title, number): Question(
            f"{board.title}: {panel.title}",
            wording.of(query.expr),
            None if _once(panel, query) else window,
            window.end,
        )
        for board in catalog.boards
        for row in board.rows
        if not row.by_instance
        for panel in row.panels
        for number, query in enumerate(panel.queries)
    }


def views(
    catalog: Catalog, asked: Asked, answers: Mapping[Question, Answer], failed: Mapping[str, str]
) -> Iterator[BoardView]:
    """Yield each board with its answers; `failed` are the reasons by the question's name."""

    def view(board: Board, panel: Panel) -> View:
        lines = [
            Line(_name(query, series), number, series)
            for number, query in enumerate(panel.queries)
            for series in answers[asked[board.name, panel.title, number]].series
        ]
        reason = failed.get(f"{board.title}: {panel.title}", "")
        return View(panel, tuple(lines), tuple(limits_of(panel, catalog.alerts)), reason)

    for board in catalog.boards:
        rows = [row for row in board.rows if not row.by_instance]
        yield BoardView(
            board,
            tuple(RowView(row, tuple(view(board, panel) for panel in row.panels)) for row in rows),
            tuple(row.title for row in board.rows if row.by_instance),
        )


def _name(query: Query, series: Series) -> str:
    """Fill Grafana's `{{label}}` format, once: a value may look like one."""
    asked = _LABEL.findall(query.legend)
    if asked and not any(series.labels.get(label) for label in asked):
        return ""
    return _LABEL.sub(lambda found: series.labels.get(found[1], ""), query.legend)


def _once(panel: Panel, query: Query) -> bool:
    """Whether a panel shows the end of the window only; a number's course is worth a look."""
    return query.instant or panel.kind in ("table", "bargauge")
