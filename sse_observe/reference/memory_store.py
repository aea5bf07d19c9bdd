"""
A store in this process's memory, bounded in every direction.

Knows how much it may hold, and what has to go first; nothing of it outlives the process.
"""

import math
from collections import Counter, deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import count
from time import monotonic

from sse_observe.errors import SettingsError
from sse_observe.reference.bounds import Bounds
from sse_observe.reference.store import (
    BEFORE_ALL,
    Backlog,
    BehindError,
    CrowdedError,
    FencedError,
    GoneError,
    State,
    StoreFullError,
    Stream,
    StreamExistsError,
    Swept,
    Usage,
    Write,
    Written,
)


@dataclass(slots=True, eq=False)
class _Log:
    stream: Stream
    read_at: float
    writer: str
    last: int
    note: bytes
    frames: deque[tuple[float, bytes]] = field(default_factory=deque)
    size: int = 0
    state: State = "open"
    watchers: set[Callable[[], None]] = field(default_factory=set)
    holders: set[Callable[[], None]] = field(default_factory=set)
    epochs: list[str] = field(default_factory=list)
    read_after: int = BEFORE_ALL
    backlog: Backlog | None = None
    """The last that was read, until something changes, and after which position."""

    def wake(self) -> None:
        """Call all watchers: something has changed."""
        for wake in tuple(self.watchers):
            wake()

    def wake_holders(self) -> None:
        """Tell the writer of what others did."""
        for wake in tuple(self.holders):
            wake()

    def after(self, position: int) -> Backlog:
        """Return what follows a position."""
        # None, or less, where the position is at the end or beyond.
        wanted = self.last - max(position, BEFORE_ALL)
        held = min(wanted, len(self.frames))
        frames: tuple[bytes, ...] = ()
        if held == 1:
            # A reader that keeps up.
            frames = (self.frames[-1][1],)
        elif held > 1:
            # From the right: it wants the last few of a hundred.
            frames = tuple([self.frames[-n][1] for n in range(held, 0, -1)])
        lost, epoch = wanted - held, self.stream.epoch
        return Backlog(frames, self.last, lost, self.state, epoch, self.writer, self.note)

    def add(self, frames: tuple[bytes, ...], size: int, now: float) -> None:
        """Hold new events, so many bytes in all."""
        for frame in frames:
            self.frames.append((now, frame))
        self.size += size
        self.last += len(frames)

    def evict(self, bounds: Bounds, now: float) -> int:
        """Forget what is over the bounds, oldest first; return how many events that were."""
        self.backlog = None
        frames, size, evicted = self.frames, self.size, 0
        most_events, most_bytes = bounds.max_events, bounds.max_bytes
        while len(frames) > 1 and (len(frames) > most_events or size > most_bytes):
            size -= len(frames.popleft()[1])
            evicted += 1
        oldest = now - bounds.max_age_seconds
        while frames and frames[0][0] < oldest:
            size -= len(frames.popleft()[1])
            evicted += 1
        self.size = size
        return evicted


class _Listening(AbstractAsyncContextManager[None]):
    """`wake` among its like while the context is open; `changed` is called at both ends of it."""

    __slots__ = ("_changed", "_wake", "_woken")

    def __init__(
        self, woken: set[Callable[[], None]], wake: Callable[[], None], changed: Callable[[], None]
    ) -> None:
        self._woken, self._wake, self._changed = woken, wake, changed

    async def __aenter__(self) -> None:
        self._woken.add(self._wake)
        self._changed()

    async def __aexit__(self, *_: object) -> None:
        self._woken.discard(self._wake)
        self._changed()


class MemoryStore:
    """
    A store in this process, bounded in every direction.

    With several workers or hosts a client may come back to one that knows nothing of its
    stream: route by stream, or give the application a store that they share.
    `max_events`, `max_bytes` and `max_age_seconds` bound what one stream holds for replay; its
    newest event is held whatever its size, or no reader could ever get it. `idle_seconds` is
    how long a stream that nobody reads stays. Where `max_streams` are held, one that nobody
    reads is forgotten for it: a finished one first, then one of the address that left most
    unread. If all are being read, a new one is refused. No address holds more than nine tenths.
    `max_total_bytes` bounds all streams together, in the same way. `clock` is for tests. Raises
    SettingsError where a bound is not above 0.
    """

    in_process = True
    releases_lost = False

    def __init__(
        self,
        *,
        max_streams: int = 1000,
        max_events: int = 100,
        max_bytes: int = 65_536,
        max_age_seconds: float = 600,
        idle_seconds: float = 600,
        max_total_bytes: float = math.inf,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._bounds = Bounds(max_streams, max_events, max_bytes, max_age_seconds, idle_seconds)
        self._bounds.check("MemoryStore")
        if not max_total_bytes > 0:
            raise SettingsError(f"MemoryStore: max_total_bytes={max_total_bytes!r} holds nothing")
        self._max_total_bytes = max_total_bytes
        self._clock = clock
        self._logs: dict[str, _Log] = {}
        self._epochs: dict[str, _Log] = {}
        self._held = self._held_bytes = 0
        self._held_by: Counter[str] = Counter()
        self._writers = count(1)

    async def start(self) -> None:
        """Do nothing: memory is there."""

    async def aclose(self) -> None:
        """Do nothing: memory goes with the process."""

    def new_writer(self) -> str:
        """Return a name under which one stream may be held."""
        return str(next(self._writers))

    async def create(
        self,
        stream: Stream,
        *,
        writer: str = "",
        after: int = BEFORE_ALL,
        note: bytes = b"",
        again: bool = False,  # noqa: ARG002 - nothing is lost here
    ) -> None:
        """Add a stream; raise StoreFullError where no more can be held."""
        taken = self._log(stream.id) or self._live(self._epochs.get(stream.epoch))
        if taken is not None:
            raise StreamExistsError("a stream of that id or epoch exists already; choose another")
        self._check_share(stream.holder)
        if len(self._logs) >= self._bounds.max_streams:
            self._forget_one(f"{self._bounds.max_streams} streams", "max_streams")
        log = self._logs[stream.id] = _Log(stream, self._clock(), writer, after, note)
        self._held_by[stream.holder] += 1
        self._name(log)

    def _name(self, log: _Log) -> None:
        """Let the log be found by its epoch, and by those that it had before."""
        self._epochs[log.stream.epoch] = log
        log.epochs.append(log.stream.epoch)

    def _make_room(self, log: _Log, size: int) -> None:
        """Let what has ended give way to new bytes of a stream."""
        while self._held_bytes + size > self._max_total_bytes:
            self._forget_one(f"{self._held_bytes} bytes", "max_total_bytes", log)

    def _check_share(self, holder: str) -> None:
        """Keep some room for everybody else, however many connections one address has."""
        if not holder:
            return
        most = self._bounds.max_streams - self._bounds.max_streams // 10
        if self._held_by[holder] >= most:
            mine = [log for log in self._logs.values() if log.stream.holder == holder]
            self._forget_first(mine, f"{most} streams are held by one address", "max_streams")

    def _forget_one(self, held: str, bound: str, wanted: _Log | None = None) -> None:
        logs = [log for log in self._logs.values() if log is not wanted]
        self._forget_first(logs, f"{held} are held", bound)

    def _forget_first(self, logs: list[_Log], held: str, bound: str) -> None:
        """Forget the one that is missed least; whoever reads keeps his."""
        unread = [
            log
            for log in logs
            # What nobody holds was written to be kept, whoever reads it and when.
            if not log.watchers and (log.state != "open" or log.stream.holder or self._is_idle(log))
        ]
        if not unread:
            raise StoreFullError(f"{held} and all are in use; retry later, or raise {bound}")
        many = Counter(log.stream.holder for log in unread)
        log = min(
            unread,
            key=lambda log: (log.state == "open", -many[log.stream.holder], log.read_at),
        )
        self._forget(log)
        log.wake_holders()

    def _is_idle(self, log: _Log) -> bool:
        if log.watchers:
            return False
        keep = log.stream.keep_seconds
        return log.read_at <= self._clock() - (self._bounds.idle_seconds if keep is None else keep)

    def _live(self, log: _Log | None) -> _Log | None:
        """Return the log unless nobody read it for long."""
        if log is not None and self._is_idle(log):
            self._forget(log)
            log.wake_holders()
            return None
        return log

    def _log(self, stream_id: str) -> _Log | None:
        log = self._logs.get(stream_id)
        # One that is being read is not idle: asked for each of its events.
        return log if log is None or log.watchers else self._live(log)

    async def find(self, stream_id: str) -> Stream | None:
        """Return the stream of that id."""
        log = self._log(stream_id)
        return log.stream if log else None

    async def find_epoch(self, epoch: str) -> Stream | None:
        """Return the stream whose events carry that epoch."""
        log = self._live(self._epochs.get(epoch))
        return log.stream if log else None

    async def is_unsure(self) -> bool:
        """Return False: what is not held here is nowhere."""
        return False

    async def write(self, stream_id: str, write: Write) -> Written:
        """Do a write and wake the watchers; raise Fenced-, Behind-, Gone- or CrowdedError."""
        log = self._log(stream_id)
        if log is None:
            raise GoneError
        # Once: it is read for every event of every stream.
        writer, after, frames, state, note, next_writer, next_epoch, jump, evict = write
        if log.state != "open" or writer not in (None, log.writer):
            raise FencedError(stream_id, log.state)
        if after is not None and after != log.last:
            frames = self._new_frames(log, write)
        added = sum(map(len, frames))
        if not evict and self._would_evict(log, frames, added):
            raise CrowdedError
        size = log.size
        if self._held_bytes + added > self._max_total_bytes:
            self._make_room(log, added)
        if jump:
            self._skip(log, after)
        now = self._clock()
        log.add(frames, added, now)
        evicted = log.evict(self._bounds, now)
        self._held += len(frames) - evicted
        self._held_bytes += log.size - size
        log.state = state
        if note is not None:
            log.note = note
        if next_writer is not None or next_epoch is not None:
            self._hand_on(log, next_writer, next_epoch)
        log.wake()
        if writer is None or next_writer is not None:
            log.wake_holders()
        return Written(log.last, evicted)

    def _hand_on(self, log: _Log, writer: str | None, epoch: str | None) -> None:
        """Let somebody else hold the log, or let it go on under another name."""
        if writer is not None:
            log.writer = writer
        if epoch is not None:
            log.stream = replace(log.stream, epoch=epoch)
            self._name(log)

    def _skip(self, log: _Log, after: int | None) -> None:
        """Give up what the log holds, if it ends before this position."""
        if after is not None and after > log.last:
            self._held -= len(log.frames)
            log.frames.clear()
            log.size, log.last = 0, after

    @staticmethod
    def _new_frames(log: _Log, write: Write) -> tuple[bytes, ...]:
        """Return what of a write is not in the log yet."""
        first = write.after
        if first is None or (write.jump and log.last < first):
            return write.frames
        if log.last < first:
            raise BehindError(log.last)
        return write.frames[log.last - first :]

    def _would_evict(self, log: _Log, frames: tuple[bytes, ...], added: int) -> bool:
        most = self._bounds
        total = len(log.frames) + len(frames)
        return bool(log.frames) and (total > most.max_events or log.size + added > most.max_bytes)

    async def read(self, stream_id: str, after: int, *, touch: bool = True) -> Backlog | None:
        """Return what follows position `after` (-1: everything), or None without the stream."""
        log = self._log(stream_id)
        if log is None:
            return None
        if touch:
            log.read_at = self._clock()
        # All readers that keep up ask the same, one after the other.
        if log.backlog is None or log.read_after != after:
            log.read_after, log.backlog = after, log.after(after)
        return log.backlog

    def watch(self, stream_id: str, wake: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Call `wake` after each change while the context is open; a watched stream stays."""
        log = self._log(stream_id)
        if log is None:
            return nullcontext()

        def came_or_went() -> None:
            log.read_at = self._clock()
            log.wake_holders()

        return _Listening(log.watchers, wake, came_or_went)

    def hold(self, stream_id: str, wake: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Call `wake` when somebody else changed the stream, and when readers came or went."""
        log = self._log(stream_id)
        return nullcontext() if log is None else _Listening(log.holders, wake, lambda: None)

    async def attended(self, stream_id: str) -> bool:
        """Tell whether anybody watches the stream."""
        log = self._log(stream_id)
        return log is not None and bool(log.watchers)

    async def delete(self, stream_id: str) -> bool:
        """Forget a stream at once; tell whether there was one."""
        log = self._log(stream_id)
        if log is None:
            return False
        self._forget(log)
        log.wake()
        log.wake_holders()
        return True

    async def sweep(self) -> Swept:
        """Forget the streams that nobody read for long, and the events that are too old."""
        gone = [log for log in self._logs.values() if self._is_idle(log)]
        for log in gone:
            self._forget(log)
            log.wake_holders()
        size = sum(log.size for log in self._logs.values())
        now = self._clock()
        evicted = sum(log.evict(self._bounds, now) for log in self._logs.values())
        self._held -= evicted
        self._held_bytes -= size - sum(log.size for log in self._logs.values())
        return Swept(tuple(log.stream.id for log in gone), evicted)

    def _forget(self, log: _Log) -> None:
        del self._logs[log.stream.id]
        self._held_by[log.stream.holder] -= 1
        if not self._held_by[log.stream.holder]:
            del self._held_by[log.stream.holder]
        for epoch in log.epochs:
            self._epochs.pop(epoch, None)
        self._held -= len(log.frames)
        self._held_bytes -= log.size

    async def usage(self) -> Usage:
        """Return how much is held."""
        return Usage(len(self._logs), self._held)
