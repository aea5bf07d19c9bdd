"""The distance from a limit: one measure for signals of every kind."""

from dataclasses import replace

import pytest

from sse_observe.report.findings.limit_distance import LimitDistance
from sse_observe.report.window import Window
from tests.support.report_findings import ALERTS, distance


def test_how_far_beyond_is_comparable_between_signals() -> None:
    """High is bad, low is bad, and any is too many."""
    low = replace(ALERTS["SSECompletionRateLow"], threshold=0.995)
    any_ = replace(ALERTS["SSEMessageLoss"], threshold=0)

    assert distance("/a", 0.5).times(0.5) == 10
    assert distance("/a", 0.9, alert=low, limit=0.995).times(0.95) == pytest.approx(10)
    assert LimitDistance(any_, "count", 0.0, {}, ()).times(36) == 36
    assert distance("/a", 0.5, limit=1e-9).times(1) == 1000


def test_the_worst_is_the_farthest_beyond_not_the_highest() -> None:
    """Of a ratio that must not fall, the lowest value is the worst."""
    low = replace(ALERTS["SSECompletionRateLow"], threshold=0.995)

    assert distance("/a", 0.1, 0.9, 0.2).worst == (60, 0.9)
    assert distance("/a", 0.99, 0.9, 0.98, alert=low, limit=0.995).worst == (60, 0.9)


def test_what_lies_outside_of_a_shorter_window_is_left_out() -> None:
    """Places are compared over the incident; one that was quiet then is not compared."""
    found = distance("/a", 0.1, 0.9, 0.2)

    assert found.within(Window(0, 60, 60)) == distance("/a", 0.1, 0.9)
    assert found.within(Window(600, 900, 60)) is None
