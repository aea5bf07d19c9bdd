"""A mirror: filled by a read, kept by what is published, honest about what it missed."""

from typing import Any

import pytest

from sse_observe.reference.bounds import Bounds
from sse_observe.reference.redis.mirror import STAMP, Mirror

BOUNDS = Bounds(10, 3, 100, 60, 60)


class Watched:
    """A mirror, and how often it woke its readers or asked to be filled again."""

    def __init__(self) -> None:
        self.woken = self.refills = 0
        self.mirror = Mirror("s", BOUNDS, self.refill)
        self.mirror.watchers.add(self.wake)

    def wake(self) -> None:
        self.woken += 1

    def refill(self) -> None:
        self.refills += 1


def answer(last: int, *frames: bytes, epoch: bytes = b"e", state: bytes = b"o") -> list[Any]:
    """Return the answer of a read."""
    stamped = [b"\0" * STAMP + frame for frame in frames]
    return [b"ok", epoch, b"host:w", state, last, 60, b"", b"", 0, b"run", stamped]


def filled(*frames: bytes) -> Watched:
    """Return a mirror that holds these frames from 0 on."""
    watched = Watched()
    watched.mirror.fill(answer(len(frames) - 1, *frames))
    return watched


def frames_of(mirror: Mirror, after: int = -1) -> tuple[bytes, ...]:
    found = mirror.read(after)
    assert found is not None
    return found.frames


def test_a_published_event_follows_what_was_read() -> None:
    """A reader of this process asks Redis for nothing."""
    watched = filled(b"a", b"b")
    watched.mirror.take(b"e 2 o 1,2\nccc")

    assert frames_of(watched.mirror, 1) == (b"c", b"cc")
    assert (watched.woken, watched.refills) == (2, 0)


def test_an_event_that_was_read_already_is_not_taken_twice() -> None:
    """News and a read cross each other at every beginning."""
    watched = filled(b"a", b"b")
    watched.mirror.take(b"e 1 o 1,1\nbc")

    assert frames_of(watched.mirror) == (b"a", b"b", b"c")


def test_a_hole_is_filled_by_a_read() -> None:
    """A message that was lost shows in the number of the next."""
    watched = filled(b"a")
    watched.mirror.take(b"e 2 o 1\nc")
    assert (watched.mirror.last, watched.refills) == (0, 1)
    watched.mirror.fill(answer(2, b"b", b"c"))

    assert frames_of(watched.mirror) == (b"a", b"b", b"c")


def test_a_bound_holds_here_too_and_what_went_is_counted() -> None:
    """The copy is no larger than the log; a position before it shows the gap."""
    watched = filled(b"a", b"b", b"c")
    watched.mirror.take(b"e 3 o 1\nd")
    found = watched.mirror.read(-1)

    assert found is not None
    assert (found.frames, found.lost) == ((b"b", b"c", b"d"), 1)


def test_a_new_epoch_is_another_log() -> None:
    """Old numbers never get new content: everything is forgotten first."""
    watched = filled(b"a", b"b")
    watched.mirror.fill(answer(0, b"x", epoch=b"f"))
    found = watched.mirror.read(-1)

    assert found is not None
    assert (found.frames, found.last, found.epoch) == ((b"x",), 0, "f")


def test_events_that_are_held_no_more_are_a_gap() -> None:
    """A position may move though no event came: all that lay between is gone."""
    watched = filled(b"a")
    watched.mirror.fill(answer(5))
    found = watched.mirror.read(0)

    assert found is not None
    assert (found.frames, found.last, found.lost) == ((), 5, 5)


def test_the_end_is_news_as_any() -> None:
    """A stream ends for its readers with the state that was published."""
    watched = filled(b"a")
    watched.mirror.take(b"e 1 d \n")
    found = watched.mirror.read(0)

    assert found is not None
    assert (found.state, watched.woken) == ("done", 2)


def test_a_deleted_stream_is_gone_for_its_readers() -> None:
    """They are woken, and find nothing."""
    watched = filled(b"a")
    watched.mirror.take(b"x")

    assert watched.mirror.read(-1) is None
    assert watched.woken == 2


def test_a_writer_without_a_host_has_no_lease() -> None:
    """Nobody waits for the lease of a writer that names no host."""
    watched = filled(b"a")
    assert watched.mirror.host == "host"
    watched.mirror.writer = "-w"

    assert watched.mirror.host == ""


@pytest.mark.parametrize("news", [b"", b"e", b"e 2", b"e x o 1\na", b"e 2 ? 1\na", b"e 2 o 1,x\na"])
def test_news_that_nobody_of_ours_wrote_are_asked_about(news: bytes) -> None:
    """An error would end the one task that hears the news of all streams."""
    watched = filled(b"a", b"b")
    watched.mirror.take(news)

    assert watched.refills == 1
    assert frames_of(watched.mirror) == (b"a", b"b")
