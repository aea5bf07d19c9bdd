"""The shapes that the boards are made of."""

from sse_observe.catalog.dashboards.panels import depth, lines, stage, stat
from sse_observe.catalog.model import Query


def test_a_shape_has_its_size_unless_a_panel_says_otherwise() -> None:
    """A number is small, a graph is a third of the width; a panel may be wider."""
    usual = stat("Now", "count", "Open streams.", Query(expr="x"))
    wide = lines("Later", "ratio", "Open streams.", Query(expr="x"), width=24, decimals=1)

    assert (usual.kind, usual.width, usual.height) == ("stat", 4, 5)
    assert (wide.kind, wide.width, wide.height, wide.decimals) == ("timeseries", 24, 8, 1)


def test_depth_is_a_stage_that_is_closed() -> None:
    """A row of details is asked only when somebody opens it."""
    assert not stage("Ending").collapsed
    assert depth("Ending").collapsed
