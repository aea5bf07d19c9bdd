"""The cost of an append to Redis, beside the least that redis-py could do."""

import pytest

from tests.bench.store import measure

pytestmark = [pytest.mark.slow, pytest.mark.prove]


def test_appends_of_a_hundred_producers_travel_together() -> None:
    """Half as many a second, checked, bounded and published, as XADDs that are only kept."""
    rounds = [measure() for _ in range(3)]

    for figures in rounds:
        print(", ".join(f"{figure:.2f} {name}" for name, figure in figures.items()))
    assert max(figures["ratio"] for figures in rounds) >= 0.5
