"""Single values: their names, and the last value alone."""

import pytest

from sse_observe.catalog.model import Panel, Query
from sse_observe.render.grafana.numbers import bargauge, gauge, stat

PANEL = Panel(
    title="T", kind="stat", unit="ratio", description="D.", queries=(Query(expr="x", legend="a"),)
)


def test_a_number_with_a_name_shows_it() -> None:
    """The worst of many says who it is; a single number needs no name."""
    nameless = Panel(
        title="T", kind="stat", unit="ratio", description="D.", queries=(Query(expr="x"),)
    )

    assert stat(PANEL, ())["options"]["textMode"] == "value_and_name"
    assert stat(nameless, ())["options"]["textMode"] == "auto"


@pytest.mark.parametrize("shape", [stat, gauge, bargauge])
def test_a_number_is_the_last_value(shape: object) -> None:
    """A mean of the range would hide what is wrong now."""
    drawn = shape(PANEL, ())

    assert drawn["type"] == shape.__name__
    assert drawn["options"]["reduceOptions"]["calcs"] == ["lastNotNull"]
