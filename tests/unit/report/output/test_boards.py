"""Boards as sections: charts with their numbers, tiles, tables, and what is missing of them."""

from dataclasses import replace

from sse_observe.catalog.model import Board, Panel, Query, Row
from sse_observe.render.limits import Limit
from sse_observe.report.findings.panels import BoardView, Line, PanelView, RowView
from sse_observe.report.output.boards import Charts, board_section
from sse_observe.report.window import Window
from tests.support.report_findings import series

HOUR = Window(0, 3600, 600)
TILE = PanelView(
    Panel(title="Stalled", kind="stat", queries=(Query(expr=""),), unit="ratio", description=""),
    (Line("", 0, series({}, (0, 0.1), (3600, 0.2))),),
    (Limit("SSEStreamsStalled", ">", 0.05, "critical"),),
)


def section_of(*panels: PanelView, collapsed: bool = False) -> str:
    row = RowView(Row(title="Row", panels=(), collapsed=collapsed), panels)
    board = Board(name="board", title="Board", question="Is it well?", rows=())
    return str(board_section(BoardView(board, (row,), ("Per instance",)), Charts(HOUR)))


def test_a_number_beyond_its_limit_is_marked_with_the_alert() -> None:
    """A value that is red and nothing else would not tell whose limit it is."""
    bad = section_of(TILE)
    good = section_of(replace(TILE, limits=(Limit("SSEStreamsStalled", ">", 0.5, "critical"),)))

    assert '<div class="value bad">20.00 %</div>' in bad
    assert "beyond the limit of SSEStreamsStalled" in bad
    assert "10.00 % to 20.00 % in the window" in bad
    assert '<div class="value">20.00 %</div>' in good


def test_what_was_not_answered_is_not_called_empty() -> None:
    """“No streams” would be a finding; a failed query is none."""
    empty = replace(TILE, lines=())

    assert "No streams" in section_of(empty)
    assert "not answered" in section_of(replace(empty, failure="too slow"))
    assert "answered in part" in section_of(replace(TILE, failure="incomplete"))
    chart = replace(TILE.panel, kind="timeseries")
    assert "Not answered: too slow" in section_of(PanelView(chart, (), (), "too slow"))


def test_a_chart_has_words_and_numbers() -> None:
    """A reader who does not see it learns the end, the range and the limit."""
    chart = replace(TILE, panel=replace(TILE.panel, kind="timeseries"))

    html = section_of(chart)

    assert "Stalled 20.00 % at the end, from 10.00 % to 20.00 %" in html
    assert "Limit of SSEStreamsStalled: 5.00 %." in html
    assert "<td>15.00 %</td>" in html


def test_rows_that_are_closed_on_the_board_are_closed_here() -> None:
    """The depth does not stand before the answer; rows by instance are named, not shown."""
    assert '<details class="row">' in section_of(TILE, collapsed=True)
    assert '<details class="row">' not in section_of(TILE)
    assert "Left out: “Per instance”" in section_of(TILE)
