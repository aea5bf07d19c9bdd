"""The story of a demo: healthy, broken, repaired; by the clock, or by a button."""

import pytest

from sse_observe.lab.demo.story import Story


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
    assert Story().phase(second) == (name, failing)


def test_a_button_begins_the_incident_again_and_not_twice() -> None:
    """Whoever missed it sees it; pressed in the middle, it goes on as it is."""
    story = Story()
    story.start_incident(5)
    assert story.phase(5).failing
    story.start_incident(30)
    assert not story.phase(40).failing

    story.start_incident(100)
    assert [bool(story.phase(at).failing) for at in (100, 134, 135)] == [True, True, False]
