"""The boards: the panels that users were given by name, one order, words on every panel."""

import pytest

from sse_observe.catalog.dashboards import BOARDS
from sse_observe.catalog.model import COLOURS, Board, Panel

# The brief names these, with their kinds: line chart, gauge, number, counter, histogram.
NAMED = {
    "stream-health": {
        "Completion rate (%)": "timeseries",
        "Mean reconnect time": "gauge",
        "Active streams": "stat",
        "Message loss": "stat",
    },
    "stall-detection": {
        "Stall detections": "timeseries",
        "Recovery time distribution": "heatmap",
        "UI messages shown": "stat",
    },
    "network-quality": {
        "Packet loss rate (%)": "timeseries",
        "Latency distribution (p50, p95, p99)": "timeseries",
        "Bandwidth efficiency (events per second)": "timeseries",
    },
}
STAGES = ["Opening", "Delivering", "Recovering", "Ending"]
PANELS = [
    pytest.param(board, panel, id=f"{board.name}-{panel.title}")
    for board in BOARDS
    for row in board.rows
    for panel in row.panels
]


def visible(board: Board) -> list[Panel]:
    return [panel for row in board.rows if not row.collapsed for panel in row.panels]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_named_panels_stand_in_the_open_under_their_titles(board: Board) -> None:
    """Each panel that the brief names is found under its title, of its kind, without a click."""
    shown = {panel.title: panel.kind for panel in visible(board)}

    assert NAMED[board.name].items() <= shown.items()


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_the_first_row_answers_in_numbers(board: Board) -> None:
    """Four to six numbers, side by side on the whole width, before anything else."""
    first = board.rows[0]
    numbers = [panel for panel in first.panels if panel.kind in ("stat", "gauge")]

    assert first.title == ""
    assert 4 <= len(numbers) <= 6
    assert numbers == list(first.panels[: len(numbers)])
    assert sum(panel.width for panel in numbers) == 24
    assert board.question.endswith("?")


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_stages_stand_in_the_order_of_a_streams_life(board: Board) -> None:
    """One who knows a board finds the way on the others."""
    found = [row.title for row in board.rows if row.title in STAGES]

    assert found == [stage for stage in STAGES if stage in found]
    assert len(found) >= 3
    opened = [row.collapsed for row in board.rows]
    assert opened == sorted(opened)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_a_board_is_not_a_wall_of_panels(board: Board) -> None:
    """At most twenty panels are drawn before somebody asks for more."""
    assert len(visible(board)) <= 20


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_rows_fill_the_width(board: Board) -> None:
    """No hole at the right edge: lines of panels add up to the grid."""
    for row in board.rows:
        line = 0
        for panel in row.panels:
            line = line + panel.width if line < 24 else panel.width
            assert line <= 24, f"{row.title}: {panel.title} wraps and leaves a hole"
        assert line == 24, row.title


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_every_panel_speaks_to_a_person(board: Board, panel: Panel) -> None:
    """A whole sentence, a unit, words for nothing, and a title that is on this board once."""
    titles = [other.title for row in board.rows for other in row.panels]

    assert len(panel.description) >= 40
    assert panel.description.endswith((".", "?"))
    assert panel.unit
    assert panel.no_value
    assert titles.count(panel.title) == 1


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_the_axis_of_a_share_has_ticks(board: Board, panel: Panel) -> None:
    """Grafana marks whole numbers alone where there are no decimals: 0 % and 100 %, no more."""
    assert (panel.kind, panel.unit, panel.decimals) != ("timeseries", "ratio", 0)


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_a_count_is_shown_in_full(board: Board, panel: Panel) -> None:
    """A short count makes 1 K of 1450 where there are no decimals, and one axis of many such."""
    units = {(panel.unit, panel.decimals), *((q.unit, q.decimals) for q in panel.queries)}

    assert ("short count", 0) not in units


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_a_single_number_is_of_now(board: Board, panel: Panel) -> None:
    """The last that a range knew may be hours old; who looks takes it for the present."""
    assert panel.kind not in ("stat", "gauge") or all(query.instant for query in panel.queries)


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_colours_are_meanings_that_exist(board: Board, panel: Panel) -> None:
    """A misspelt meaning would be drawn in whatever colour comes next."""
    meanings = {*panel.colours.values(), *(name for _, name in panel.steps)}

    assert meanings <= {*COLOURS}
