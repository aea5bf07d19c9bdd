"""The cost of an append to Redis, and the way from it to a client, beside bare redis-py."""

import pytest

from tests.bench import store_delivery
from tests.bench.store import measure
from tests.support.programs import absent

pytestmark = [pytest.mark.slow, pytest.mark.prove]

# Where bare redis-py itself is later than that, the machine does something else.
QUIET_MILLISECONDS = 5
MOST_MILLISECONDS = 25


def test_appends_of_a_hundred_producers_travel_together() -> None:
    """Half as many a second, checked, bounded and published, as XADDs that are only kept."""
    rounds = [measure() for _ in range(3)]

    for figures in rounds:
        print(", ".join(f"{figure:.2f} {name}" for name, figure in figures.items()))
    assert max(figures["ratio"] for figures in rounds) >= 0.5


def test_an_event_is_at_another_hosts_clients_within_milliseconds() -> None:
    """Half of two thousand events a second within 5 ms, all but one in a hundred within 25 ms."""
    windows = store_delivery.measure()

    for window in windows:
        print(store_delivery.line_of(window))
    best = min(windows, key=lambda one: one["p99"])
    least = min(one["bare p99"] for one in windows)
    if best["p99"] > MOST_MILLISECONDS and least > QUIET_MILLISECONDS:
        absent(f"the machine is busy: bare redis-py takes {least:.0f} ms; run it again, alone")
    assert best["events a second"] >= 1900
    assert best["p50"] <= 5
    assert best["p99"] <= MOST_MILLISECONDS
