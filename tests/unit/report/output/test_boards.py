"""Boards as sections: charts with their numbers, tiles, tables, and what is missing of them."""

from dataclasses import replace

from sse_observe.catalog.model import Board, Panel, Query, Row, Step
from sse_observe.render.limits import Limit
from sse_observe.report.findings.panels import BoardView, Line, PanelView, RowView
from sse_observe.report.output.boards import Charts, board_section
from sse_observe.report.output.markup import tag
from sse_observe.report.window import Window
from tests.support.report_findings import series

HOUR = Window(0, 3600, 600)
TILE = PanelView(
    Panel(title="Stalled", kind="stat", queries=(Query(expr=""),), unit="ratio", description=""),
    (Line("", 0, series({}, (0, 0.1), (3600, 0.2))),),
    (Limit("SSEStreamsStalled", ">", 0.05, "critical"),),
)


def section_of(*panels: PanelView, collapsed: bool = False, charts: Charts | None = None) -> str:
    row = RowView(Row(title="Row", panels=(), collapsed=collapsed), panels)
    board = Board(name="board", title="Board", question="Is it well?", rows=())
    view = BoardView(board, (row,), ("Per instance",))
    return str(board_section(view, charts or Charts(HOUR)))


def test_a_number_beyond_its_limit_is_marked_with_the_alert() -> None:
    """A value that is red and nothing else would not tell whose limit it is."""
    bad = section_of(TILE)
    good = section_of(replace(TILE, limits=(Limit("SSEStreamsStalled", ">", 0.5, "critical"),)))

    assert '<div class="value bad">20.00 %</div>' in bad
    assert "beyond the limit of SSEStreamsStalled" in bad
    assert "10.00 % to 20.00 % in the window" in bad
    assert '<div class="value good">20.00 %</div>' in good


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
    assert ">15.00 %</td>" in html


def test_rows_that_are_closed_on_the_board_are_closed_here() -> None:
    """The depth does not stand before the answer; rows by instance are named, not shown."""
    assert '<details class="row">' in section_of(TILE, collapsed=True)
    assert '<details class="row">' not in section_of(TILE)
    assert "Left out: “Per instance”" in section_of(TILE)


def test_numbers_have_the_colours_that_they_have_in_grafana() -> None:
    """A threshold of a warning is amber, a step of the panel its own, a cell its column's."""
    warned = replace(TILE, limits=(Limit("SSESlow", ">", 0.05, "warning"),))
    stepped = replace(TILE, limits=(), panel=replace(TILE.panel, steps=(Step(0.15, "client"),)))
    column = replace(TILE.panel, kind="table", columns={"route": "Route"})

    assert '<div class="value warn">20.00 %</div>' in section_of(warned)
    assert '<div class="value client">20.00 %</div>' in section_of(stepped)
    assert '><span class="bad">20.00 %</span></td>' in section_of(replace(TILE, panel=column))
    assert ">20.00 %</td>" in section_of(replace(TILE, panel=column, limits=()))


def test_a_panel_leads_on_where_there_is_something_to_lead_to() -> None:
    """A board that lives links each panel, a number too; a file that is read offline none."""
    live = Charts(HOUR, lambda view: tag("a", view.panel.title, href="/q"))
    chart = replace(TILE, panel=replace(TILE.panel, kind="timeseries"))

    html = section_of(TILE, chart, charts=live)

    assert html.count('<a href="/q">Stalled</a>') == 2
    assert "<summary>About</summary>" in html
    assert "<a" not in section_of(TILE, chart)
