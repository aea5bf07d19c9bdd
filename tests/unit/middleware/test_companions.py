"""Counts beside the streams: looked at with them, and written with them."""

from sse_observe.middleware.companions import Companions
from sse_observe.middleware.tracker import StreamTracker


class Companion:
    """Writes down what it is asked."""

    def __init__(self, *, has: bool = False) -> None:
        self.has = has
        self.asked: list[object] = []

    def has_streams(self) -> bool:
        return self.has

    def look(self, now: float, *, last: bool) -> None:
        self.asked.append(("look", now, last))

    def write(self) -> None:
        self.asked.append("write")


def test_each_is_asked_in_turn() -> None:
    """One that is at work is enough to go on."""
    one, two = Companion(), Companion(has=True)
    companions = Companions([one])
    assert not companions.have_streams()
    companions.add(two)
    assert companions.have_streams()
    companions.look(3.0)
    companions.write()
    assert one.asked == two.asked == [("look", 3.0, False), "write"]


def test_a_tracker_looks_before_it_writes(metrics, clock) -> None:
    """At each tick, before a scrape, and at the end, which it says."""
    tracker, one = StreamTracker(metrics, clock), Companion()
    tracker.companions.add(one)
    tracker.tick()
    tracker.flush(last=True)

    now = clock()
    assert one.asked == [("look", now, False), "write", ("look", now, True), "write"]


def test_a_scrape_under_way_is_not_written_into(metrics, clock) -> None:
    """Its numbers must not change between its pieces."""
    tracker, one = StreamTracker(metrics, clock), Companion()
    tracker.companions.add(one)
    tracker.held = 1
    tracker.tick()

    assert one.asked == [("look", clock(), False)]
