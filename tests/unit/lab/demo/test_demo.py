"""A demo before anything runs: what it shows then."""

from sse_observe.lab.demo.demo import Demo
from sse_observe.lab.demo.snapshot import Snapshot


def test_a_demo_that_has_not_begun_shows_that_it_starts() -> None:
    """A page that is opened early has something to show; nothing was passed on yet."""
    seen: list[Snapshot] = []
    demo = Demo(2, 0, 1.0, seen.append)

    assert demo._snapshot.phase == "Starting."
    assert demo._snapshot.state()["alerts"] == []
    assert seen == []
