"""The numbers of a demo, read from the text of `/metrics`."""

import pytest

from sse_observe.lab.demo.numbers import read


def test_the_numbers_count_started_streams() -> None:
    """Ten started, six completed, one was cancelled, two are open: one is lost."""
    numbers = read(
        'sse_streams_opened_total{start="fresh"} 10\n'
        'sse_streams_opened_total{start="resumed"} 4\n'
        'sse_streams_closed_total{reason="completed"} 6\n'
        'sse_streams_closed_total{reason="client_disconnected"} 5\n'
        'sse_client_streams_total{outcome="cancelled"} 1\n'
        "sse_concurrent_streams 2\n"
        "sse_reconnect_time_seconds_count 4\n"
        "sse_reconnect_time_seconds_sum 6\n"
    )

    assert (numbers.lost, numbers.active, numbers.resumed) == (1, 2, 4)
    assert numbers.completion == pytest.approx(6 / 7)
    assert numbers.mean_reconnect == pytest.approx(1.5)


def test_an_idle_service_has_no_completion_rate() -> None:
    """Nothing ended yet: no share of nothing, and no division by zero."""
    numbers = read("")

    assert numbers.completion is None
    assert numbers.mean_reconnect is None
