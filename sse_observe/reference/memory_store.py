"""
A store in this process's memory, bounded in every direction.

Knows how much it may hold, and what has to go first; nothing of it outlives the process.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

from sse_observe.errors import SettingsError, SSEObserveError
from sse_observe.reference.store import Backlog, State, StoreFullError, Stream, Swept, Usage


@dataclass(slots=True, eq=False)
class _Log:
    stream: Stream
    read_at: float
    frames: deque[tuple[float, bytes]] = field(default_factory=deque)
    size: int = 0
    last: int = -1
    state: State = "open"
    listeners: set[Callable[[], None]] = field(default_factory=set)

    def wake(self) -> None:
        """Call all listeners: something has changed."""
        for wake in tuple(self.listeners):
            wake()

    def drop_first(self) -> None:
        """Forget the oldest event."""
        self.size -= len(self.frames.popleft()[1])


class MemoryStore:
    """
    A store in this process, bounded in every direction.

    With several workers or hosts a client may come back to one that knows nothing of its
    stream: route by stream, or give `reference_app` a store that they share.
    `max_events`, `max_bytes` and `max_age_seconds` bound what one stream holds for replay; its
    newest event is held whatever its size, or no reader could ever get it. `idle_seconds` is
    how long a stream that nobody reads stays. Where `max_streams` are held, a finished one
    that nobody reads is forgotten for it; if all are at work, a new one is refused.
    """

    def __init__(
        self,
        *,
        max_streams: int = 1000,
        max_events: int = 100,
        max_bytes: int = 65_536,
        max_age_seconds: float = 600,
        idle_seconds: float = 600,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        bounds = {
            "max_streams": max_streams,
            "max_events": max_events,
            "max_bytes": max_bytes,
            "max_age_seconds": max_age_seconds,
            "idle_seconds": idle_seconds,
        }
        for name, value in bounds.items():
            if not value > 0:
                raise SettingsError(f"MemoryStore: {name}={value!r} holds nothing; give more")
        self._max_streams = max_streams
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._max_age = max_age_seconds
        self._idle = idle_seconds
        self._clock = clock
        self._logs: dict[str, _Log] = {}
        self._epochs: dict[str, _Log] = {}
        self._held = 0

    async def create(self, stream: Stream) -> None:
        """Add a stream; raise StoreFullError where no more can be held."""
        if stream.id in self._logs or stream.epoch in self._epochs:
            raise SSEObserveError(f"stream {stream.id!r}: exists already; choose another id")
        if len(self._logs) >= self._max_streams:
            self._forget_one()
        log = _Log(stream, self._clock())
        self._logs[stream.id] = self._epochs[stream.epoch] = log

    def _forget_one(self) -> None:
        idle = [log for log in self._logs.values() if log.state != "open" and not log.listeners]
        if not idle:
            raise StoreFullError(
                f"{self._max_streams} streams are held and none has ended; "
                "retry later, or raise max_streams"
            )
        self._forget(min(idle, key=lambda log: log.read_at))

    async def find(self, stream_id: str) -> Stream | None:
        """Return the stream of that id."""
        log = self._logs.get(stream_id)
        return log.stream if log else None

    async def find_epoch(self, epoch: str) -> Stream | None:
        """Return the stream whose events carry that epoch."""
        log = self._epochs.get(epoch)
        return log.stream if log else None

    async def append(self, stream_id: str, frame: bytes) -> int:
        """Add the next event and wake the listeners; return how many old ones had to go."""
        log = self._logs.get(stream_id)
        if log is None or log.state != "open":
            return 0
        log.frames.append((self._clock(), frame))
        log.size += len(frame)
        log.last += 1
        self._held += 1
        evicted = self._evict(log)
        log.wake()
        return evicted

    def _evict(self, log: _Log) -> int:
        before = len(log.frames)
        while len(log.frames) > 1 and (
            len(log.frames) > self._max_events or log.size > self._max_bytes
        ):
            log.drop_first()
        oldest = self._clock() - self._max_age
        while log.frames and log.frames[0][0] < oldest:
            log.drop_first()
        evicted = before - len(log.frames)
        self._held -= evicted
        return evicted

    async def finish(self, stream_id: str, state: State) -> None:
        """Say that no event follows, and wake the listeners."""
        log = self._logs.get(stream_id)
        if log is not None and log.state == "open":
            log.state = state
            log.wake()

    async def read(self, stream_id: str, after: int) -> Backlog | None:
        """Return what follows position `after` (-1: everything), or None without the stream."""
        log = self._logs.get(stream_id)
        if log is None:
            return None
        log.read_at = self._clock()
        wanted = min(max(log.last - after, 0), log.last + 1)
        held = min(wanted, len(log.frames))
        # From the right: a reader that keeps up wants one frame of a hundred.
        frames = tuple(log.frames[-n][1] for n in range(held, 0, -1))
        return Backlog(frames, log.last, wanted - held, log.state)

    @asynccontextmanager
    async def watch(self, stream_id: str, wake: Callable[[], None]) -> AsyncIterator[None]:
        """Call `wake` after each change while the context is open; a watched stream stays."""
        log = self._logs.get(stream_id)
        if log is None:
            yield
            return
        log.listeners.add(wake)
        try:
            yield
        finally:
            log.listeners.discard(wake)
            log.read_at = self._clock()

    async def sweep(self) -> Swept:
        """Forget the streams that nobody read for long, and the events that are too old."""
        limit = self._clock() - self._idle
        gone = [log for log in self._logs.values() if not log.listeners and log.read_at <= limit]
        for log in gone:
            self._forget(log)
        evicted = sum(self._evict(log) for log in self._logs.values())
        return Swept(tuple(log.stream.id for log in gone), evicted)

    def _forget(self, log: _Log) -> None:
        del self._logs[log.stream.id], self._epochs[log.stream.epoch]
        self._held -= len(log.frames)

    async def usage(self) -> Usage:
        """Return how much is held."""
        return Usage(len(self._logs), self._held)
