"""Delays by the server's own stamps: whose clock is right does not matter."""

import json

import pytest

from sse_observe.check.reading.stamps import delays
from tests.support.check_recordings import BEGAN, recording


def stamped(at: float, sent: float, *, unit: float = 1000, name: str = "t") -> tuple[float, str]:
    """Return an event that comes at one time and says that it was sent at another."""
    data = json.dumps({name: (BEGAN + sent) * unit})
    return at, f"event: tick\ndata: {data}\n\n"


def test_a_delay_is_above_the_best_one() -> None:
    """A clock that is two seconds off delays nothing."""
    log = recording(stamped(0.1, 2.1), stamped(0.6, 2.6), stamped(2.1, 3.1)).log
    found = delays(log.events, BEGAN)

    assert found is not None
    assert found.most == pytest.approx(1.0, abs=0.01)
    assert not found.ours


@pytest.mark.parametrize("unit", [1, 1e3, 1e6, 1e9])
def test_every_usual_unit_is_read(unit: float) -> None:
    """Seconds, milliseconds, microseconds and nanoseconds are told apart by their size."""
    steps = [stamped(n + 0.5, n + 0.25, unit=unit, name="timestamp") for n in range(4)]

    assert delays(recording(*steps).log.events, BEGAN) is not None


def test_what_is_no_time_of_sending_is_no_stamp() -> None:
    """A constant, an old date and a counter say nothing about delays."""
    same = [stamped(n, 0.0) for n in range(5)]
    old = [stamped(n, n - 86_400) for n in range(5)]
    counted = [(float(n), f'data: {{"t": {n}}}\n\n') for n in range(5)]

    for steps in (same, old, counted):
        assert delays(recording(*steps).log.events, BEGAN) is None


def test_iso_times_are_read_and_whole_seconds_prove_less() -> None:
    """A stamp without fractions may be a second older than it says."""
    steps = [(n + 1.9, f'data: {{"time": "2023-11-14T22:13:2{n}Z"}}\n\n') for n in range(1, 5)]
    found = delays(recording(*steps).log.events, BEGAN)

    assert found is not None
    assert found.resolution == 1.0
    assert found.most == 0.0
