"""The SLO object: good among judged streams, with the objective of the settings."""

import msgspec
import pytest

from sse_observe.errors import SettingsError
from sse_observe.render.datadog.slo import WINDOWS, slo
from sse_observe.render.settings import Objectives, Settings
from sse_observe.render.target import Rendering
from tests.support.rendered import CATALOG


def rendering(**changes: object) -> Rendering:
    settings = msgspec.structs.replace(Settings(), objectives=Objectives(**changes))
    return Rendering(CATALOG, settings, "sse-observe.yaml", {})


@pytest.mark.parametrize("window", WINDOWS)
def test_objective_and_window_are_those_of_the_settings(window: str) -> None:
    """In percent, as Datadog has it."""
    found = slo(rendering(completion=0.999, window=window))

    assert found["thresholds"] == [{"timeframe": window, "target": 99.9}]
    assert "reason:completed" in found["query"]["numerator"]
    assert "completed,server_error" in found["query"]["denominator"]


def test_another_window_is_refused() -> None:
    """With those that Datadog keeps."""
    with pytest.raises(SettingsError, match="keeps SLOs over 7d, 30d, 90d"):
        slo(rendering(window="28d"))
