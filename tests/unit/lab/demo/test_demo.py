"""The story of a demo: healthy, broken, repaired."""

import pytest

from sse_observe.lab.demo.demo import PHASES, phase


@pytest.mark.parametrize(
    ("second", "name", "failing"),
    [
        (0, "Healthy.", 0.0),
        (24.9, "Healthy.", 0.0),
        (25, "Incident: answers fail.", 0.4),
        (60, "Repaired.", 0.0),
        (3600, "Repaired.", 0.0),
    ],
)
def test_every_second_is_in_one_phase(second: float, name: str, failing: float) -> None:
    """Answers fail in the middle phase alone."""
    now = phase(second)

    assert (now.name, now.failing) == (name, failing)


def test_phases_are_in_the_order_of_time() -> None:
    """The last one that has begun is the one that is looked for."""
    assert list(PHASES) == sorted(PHASES)
