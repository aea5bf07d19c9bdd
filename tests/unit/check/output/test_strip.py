"""A stream as a line of marks."""

from sse_observe.check.output.strip import longest, scale, strip
from tests.support.check_recordings import event, flow, recording


def test_a_flow_is_even_and_a_burst_is_a_cliff() -> None:
    """Each event has its place in time; many at once stand higher."""
    even = strip(recording(*flow(10, gap=0.1), end="left"), 20, 1.0)
    burst = strip(recording((0.95, "".join(map(event, range(9)))), end="left"), 20, 1.0)

    assert even.count("▁") >= 9
    assert burst.strip("┤ ") == "█"


def test_how_it_ended_is_seen() -> None:
    """An end and a cut are different marks."""
    assert strip(recording(*flow(3), ended_at=0.9), 20, 1.0).rstrip()[-1] == "■"
    assert strip(recording(*flow(3), ended_at=0.9, end="cut"), 20, 1.0).rstrip()[-1] == "✗"


def test_the_scale_holds_every_recording() -> None:
    """Two strips above one another have the same time."""
    assert longest([recording(*flow(3)), recording(*flow(40))]) == 4.0
    assert scale(10, 4.0) == "0      4 s"
