"""SLIs of completion: the formula, and a signal for each window."""

import pytest

from sse_observe.catalog.signals.completion import (
    COMPLETION,
    LONG_WINDOWS,
    WINDOWS,
    completed_over,
    completion,
    lost_over,
)


def test_completion_is_a_share_of_ended_streams() -> None:
    """Where none ended there is no share, neither 0 nor 100 %."""
    assert completion(99, 1) == 0.99
    assert completion(0, 3) == 0
    assert completion(0, 0) is None


def test_lost_streams_are_clamped_after_they_are_added_up() -> None:
    """A minute below zero takes from the next; a window below zero is none."""
    assert lost_over("1h") == "clamp_min(sum_over_time(route:sse_streams_lost:rate5m[1h]), 0)"
    assert lost_over("1h", "route").startswith("clamp_min(sum by (route) (sum_over_time(")
    assert completed_over("1h") == "sum_over_time(route:sse_streams_completed:rate5m[1h])"


@pytest.mark.parametrize("window", WINDOWS)
def test_every_window_has_its_failures(window: str) -> None:
    """A burn-rate alert may choose any pair: ratio and count, and the certain count of a long."""
    names = {signal.record for signal in COMPLETION}

    assert {
        f"route:sse_stream_failures:ratio_rate{window}",
        f"route:sse_streams_failed:increase{window}",
    } <= names
    certain = f"route:sse_streams_failed_certain:increase{window}"
    assert (certain in names) == (window in LONG_WINDOWS)
