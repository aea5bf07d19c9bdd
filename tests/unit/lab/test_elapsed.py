"""Elapsed time as people read it."""

import pytest

from sse_observe.lab.elapsed import clock


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3600, "60:00")]
)
def test_a_clock_shows_whole_minutes_and_seconds(seconds: float, shown: str) -> None:
    """A second that is not over is not counted."""
    assert clock(seconds) == shown
