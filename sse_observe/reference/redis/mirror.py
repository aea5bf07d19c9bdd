"""
A mirror: this process's own copy of one stream that somebody here reads.

Filled by one read and by what is published from then on, so that a thousand readers cost Redis
nothing. Knows numbers and frames; where it misses something it asks to be filled again.
"""

from collections import deque
from collections.abc import Callable
from time import monotonic

from sse_observe.reference.bounds import Bounds
from sse_observe.reference.redis.calls import Answer
from sse_observe.reference.redis.script import STATE_OF
from sse_observe.reference.store import Backlog, State

STAMP = 6
"""Before each event stands the time of its arrival, in so many bytes."""


class Mirror:
    """
    The copy of one stream; `watchers` are called after each change.

    `refill` is called where a message shows that something was missed. `is_gone` tells that the
    stream is not held any more.
    """

    def __init__(self, stream_id: str, bounds: Bounds, refill: Callable[[], None]) -> None:
        self.stream_id = stream_id
        self.watchers: set[Callable[[], None]] = set()
        self.is_gone = False
        self.is_filled = False
        self.missed = False
        self.is_announced = True
        self.touched_at = monotonic()
        self.run = ""
        self.missing_since: float | None = None
        self.unheld_since: float | None = None
        self.last = -1
        self.state: State = "open"
        self.epoch = ""
        self.writer = ""
        self._bounds = bounds
        self._refill = refill
        self._note = b""
        self._frames: deque[bytes] = deque()
        self._size = 0

    @property
    def host(self) -> str:
        """The host that writes the stream, or an empty text: not every writer has a lease."""
        host, separator, _ = self.writer.partition(":")
        return host if separator else ""

    def wake(self) -> None:
        """Call all watchers: something has changed."""
        for wake in tuple(self.watchers):
            wake()

    def gone(self) -> None:
        """Say that the stream is not held any more."""
        self.is_gone = True
        self.wake()

    def fill(self, answer: Answer) -> None:
        """Take what a read after our last event has found."""
        _, epoch, writer, state, last, _, _, note, _, run, frames = answer
        changed = (epoch.decode(), writer.decode(), STATE_OF[state]) != self._facts()
        if self.is_filled and epoch.decode() != self.epoch:
            self._forget()
            self.last = -1
        self.epoch, self.writer, self._note = epoch.decode(), writer.decode(), note
        self.run = run.decode()
        self.state = STATE_OF[state]
        self.missing_since = None
        self.is_gone = False
        was = self.last
        for number, frame in enumerate(frames, last - len(frames) + 1):
            if number > self.last:
                self._add(number, frame[STAMP:])
        if last > self.last:
            # Even the newest is held no more.
            self._forget()
            self.last = last
        self.is_filled = True
        if changed or self.last != was:
            self.wake()

    def _facts(self) -> tuple[str, str, State]:
        return self.epoch, self.writer, self.state

    def take(self, message: bytes) -> None:
        """Take what was published: events, the end, or only that there is something new."""
        kind, _, rest = message.partition(b" ")
        if kind == b"x":
            self.gone()
            return
        head, _, body = rest.partition(b"\n")
        fields = head.split(b" ")
        try:
            first, state = int(fields[0]), STATE_OF[fields[1]]
            sizes = [int(size) for size in fields[2].split(b",") if size]
        except (ValueError, IndexError, KeyError):
            # Also what somebody else publishes there: the store knows what is true.
            self._refill()
            return
        if kind != b"e" or not self.is_filled or first > self.last + 1:
            self._refill()
            return
        start = 0
        for number, length in enumerate(sizes, first):
            if number > self.last:
                self._add(number, body[start : start + length])
            start += length
        self.state = state
        self.wake()

    def _add(self, number: int, frame: bytes) -> None:
        if number > self.last + 1:
            # What lies between is held no more.
            self._forget()
        self.last = number
        self._frames.append(frame)
        self._size += len(frame)
        most = self._bounds
        while len(self._frames) > 1 and (
            len(self._frames) > most.max_events or self._size > most.max_bytes
        ):
            self._size -= len(self._frames.popleft())

    def _forget(self) -> None:
        self._frames.clear()
        self._size = 0

    def read(self, after: int) -> Backlog | None:
        """Return what follows a position, or None once the stream is gone."""
        if self.is_gone:
            return None
        wanted = min(max(self.last - after, 0), self.last + 1)
        held = min(wanted, len(self._frames))
        frames = tuple(self._frames[-n] for n in range(held, 0, -1))
        lost = wanted - held
        return Backlog(frames, self.last, lost, self.state, self.epoch, self.writer, self._note)
