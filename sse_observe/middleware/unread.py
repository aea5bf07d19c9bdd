"""
Work that nobody reads: what an application goes on producing for a client that has left.

Counts events as they pass, and how long it goes on; such bytes are not worth more reading.
"""

from collections.abc import Awaitable, Callable
from threading import RLock

from sse_observe.asgi import Message, Send
from sse_observe.middleware.route_counts import RouteCounts
from sse_observe.middleware.scan import is_comment
from sse_observe.middleware.stream import Stream


def events_in(body: object) -> int:
    """Return how many events end in a message; a comment that keeps a line warm is none."""
    if not isinstance(body, bytes | bytearray | memoryview):
        return 0
    data = bytes(body)
    ends = data.count(b"\n\n") + data.count(b"\r\n\r\n")
    return 0 if ends and is_comment(data) else ends


class Orphans:
    """Streams whose client is gone while their application still runs."""

    __slots__ = ("_clock", "_lock", "_on_error", "_streams")

    def __init__(
        self, lock: RLock, clock: Callable[[], float], on_error: Callable[[str], None]
    ) -> None:
        self._lock = lock
        self._clock = clock
        self._on_error = on_error
        self._streams: set[Stream] = set()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._streams)

    def add(self, stream: Stream) -> None:
        """Count a stream from now on as work that nobody reads; twice is once."""
        with self._lock:
            if stream not in self._streams:
                self._streams.add(stream)
                stream.counts.orphaned += 1
                stream.accounted_at = self._clock()
                stream.inner = self._counting(stream.inner, stream.counts)

    def forget(self, stream: Stream) -> None:
        """Forget a stream whose application has returned."""
        if stream in self._streams:
            with self._lock:
                self._streams.remove(stream)
                stream.counts.orphaned -= 1
                _goes_on(stream, self._clock())

    def look(self, now: float) -> None:
        """Add up the time of all up to now, so that it shows while it lasts."""
        with self._lock:
            for stream in self._streams:
                _goes_on(stream, now)

    def _counting(self, inner: Send, counts: RouteCounts) -> Send:
        def send(message: Message) -> Awaitable[None]:
            try:
                if events := events_in(message.get("body")):
                    with self._lock:
                        counts.unread_events += events
            except Exception:  # noqa: BLE001 - the application goes on without us
                self._on_error("event_counter")
            return inner(message)

        return send


def _goes_on(stream: Stream, now: float) -> None:
    stream.counts.unread_seconds += max(now - stream.accounted_at, 0)
    stream.accounted_at = now
