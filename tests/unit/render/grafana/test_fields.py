"""Thresholds of a panel's values."""

import pytest

from sse_observe.catalog.model import Panel, Step
from sse_observe.render.grafana.fields import judged
from sse_observe.render.limits import Limit
from tests.support.grafana_lint import panels
from tests.support.rendered import BOARDS


@pytest.mark.parametrize("name", BOARDS)
def test_every_base_threshold_is_a_real_null(name: str) -> None:
    """The string "null" would paint every value in the base colour."""
    for one in panels(BOARDS[name]):
        defaults = one["fieldConfig"]["defaults"]
        if "thresholds" in defaults:
            steps = defaults["thresholds"]["steps"]
            values = [step["value"] for step in steps]
            assert values[0] is None
            assert values[1:] == sorted(values[1:])


PANEL = Panel(title="T", kind="stat", unit="ratio", description="D.", queries=())


def test_a_value_is_coloured_by_its_alerts() -> None:
    """Beyond a threshold it has the severity's colour, in whichever direction is bad."""
    high = Limit("A", ">", 0.2, "critical"), Limit("B", ">", 0.1, "warning")
    low = Limit("A", "<", 0.9, "critical"), Limit("B", "<", 0.95, "warning")

    assert judged(PANEL, high) == [(None, "good"), (0.1, "warn"), (0.2, "bad")]
    assert judged(PANEL, low) == [(None, "bad"), (0.9, "warn"), (0.95, "good")]


def test_a_value_that_no_alert_watches_is_coloured_as_the_panel_says() -> None:
    """Steps of the panel, or plain: nobody is told that a value is good by chance."""
    stepped = Panel(
        title="T", kind="stat", unit="count", description="D.", queries=(), steps=(Step(1, "bad"),)
    )

    assert judged(PANEL, ()) == [(None, "plain")]
    assert judged(stepped, ()) == [(None, "good"), (1, "bad")]
