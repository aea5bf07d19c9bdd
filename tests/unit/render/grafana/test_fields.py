"""Thresholds of a panel's values."""

import pytest

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
