"""
The outbox of one producer: what it said, on its way into a store that may be slow or away.

Knows positions and the store's refusals; knows neither who produces nor what the bytes mean.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from itertools import islice

from sse_observe.errors import SSEObserveError
from sse_observe.reference.store import (
    BEFORE_ALL,
    BehindError,
    CrowdedError,
    GoneError,
    State,
    StoreDownError,
    Stream,
    StreamExistsError,
    StreamStore,
    Write,
)

_log = logging.getLogger("sse_observe.reference")

# What one write carries at most, so that the store is never held up by one stream.
_WRITE_EVENTS = 100
_WRITE_BYTES = 65_536
# What a failover can lose is what was not copied yet: seconds at the very most.
_RECENT_EVENTS = 100
_RECENT_BYTES = 65_536
_RECENT_SECONDS = 10.0
# Soon enough for readers to go on within a second, rare enough for a store that comes back.
_RETRY_SECONDS = 0.2


class OverflowingError(SSEObserveError):
    """The store was away for longer than can be bridged."""


class Outbox:
    """
    The events that the store has not taken yet, and the last that it took.

    While the store is away at most `max_events` or `max_bytes` wait. If the store has lost
    what it took (a failover, a flush), the last seconds are written again, under their numbers.
    `evict` tells whether a write may push out old events now; under `unblocked` it is asked
    again.
    """

    def __init__(
        self, store: StreamStore, stream: Stream, writer: str, *, max_events: int, max_bytes: int
    ) -> None:
        self._store = store
        self._stream = stream
        self._writer = writer
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._queue: deque[bytes] = deque()
        self._size = 0
        self._recent: deque[tuple[float, bytes]] = deque()
        self._recent_size = 0
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._flusher: asyncio.Task[None] | None = None
        self._down: StoreDownError | None = None
        self.written = BEFORE_ALL
        self.evicted = 0
        self.may_evict = True
        self.unblocked = asyncio.Event()

    async def put(self, frame: bytes) -> None:
        """Add one event; waits while the store cannot keep up, raises where it is away too long."""
        if self._store.in_process and self.may_evict and not self._queue:
            # Such a store takes it at once: nothing has to wait, or to be remembered.
            done = await self._store.write(
                self._stream.id, Write(self._writer, self.written, (frame,))
            )
            self.written += 1
            self.evicted += done.evicted
            return
        self._queue.append(frame)
        self._size += len(frame)
        if self._store.in_process:
            await self._flush("open")
            return
        if self._flusher is None:
            self._flusher = self._loop.create_task(self._work())
        self._news.set()
        if self._flusher.done():
            self._flusher.result()
        while self._is_full():
            if self._down is not None:
                raise OverflowingError(
                    f"{self._down}; {len(self._queue)} events ({self._size} bytes) waited for it, "
                    "and no more may"
                )
            self._room.clear()
            await self._either(self._room.wait(), self._flusher)

    def _is_full(self) -> bool:
        if not self.may_evict and self._down is None:
            return bool(self._queue)
        return len(self._queue) > self._max_events or self._size > self._max_bytes

    async def close(self, state: State, *, next_writer: str | None = None) -> None:
        """Write what waits, and the state from then on with it."""
        if self._flusher is not None:
            self._flusher.cancel()
            await asyncio.wait([self._flusher])
        # Not an `open` state and a `done` one later: a host that dies in between leaves a stream
        # that is whole and looks cut.
        await self._flush(state, next_writer=next_writer)

    async def _work(self) -> None:
        while True:
            self._news.clear()
            await self._flush("open")
            await self._news.wait()

    async def _either(self, waiting: object, task: "asyncio.Task[None]") -> None:
        one = asyncio.ensure_future(waiting)  # type: ignore[call-overload]
        try:
            await asyncio.wait({one, task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            one.cancel()
        if task.done():
            task.result()

    async def _flush(self, state: State, *, next_writer: str | None = None) -> None:
        """Write until nothing waits."""
        while True:
            frames = self._next_frames()
            last = len(frames) == len(self._queue)
            write = Write(
                self._writer,
                self.written,
                frames,
                state=state if last else "open",
                next_writer=next_writer if last else None,
                evict=self.may_evict,
            )
            if frames or state != "open" or next_writer is not None:
                if not await self._wrote(write):
                    continue
                if frames:
                    self._take(frames)
            if last and len(self._queue) == 0:
                return

    async def _wrote(self, write: Write) -> bool:
        """Tell whether the store took it; otherwise something was mended, and it may now."""
        try:
            done = await self._store.write(self._stream.id, write)
        except StoreDownError as down:
            if self._down is None:
                _log.warning("%s; events wait for it", down)
            self._down = down
            self._room.set()
            await asyncio.sleep(_RETRY_SECONDS)
            return False
        except CrowdedError:
            if not self.may_evict:
                self.unblocked.clear()
                await self.unblocked.wait()
            return False
        except BehindError as behind:
            await self._write_again(behind.last)
            return False
        except GoneError:
            if self._store.in_process:
                raise
            await self._restore()
            return False
        self.evicted += done.evicted
        self._down = None
        return True

    async def _write_again(self, last: int) -> None:
        """Write what the store has lost, as far as it is remembered; the rest is a gap."""
        again = tuple(frame for _, frame in self._recent)[last - self.written :]
        first = self.written - len(again)
        lost = self.written - last
        _log.warning("the store lost %d events; %d are written again", lost, len(again))
        await self._wrote(Write(self._writer, first, again, jump=True))

    async def _restore(self) -> None:
        """Create the stream again after the store has lost it whole."""
        again = tuple(frame for _, frame in self._recent)
        first = self.written - len(again)
        _log.warning("the store lost a stream; its last %d events are written again", len(again))
        try:
            await self._store.create(self._stream, writer=self._writer, after=first, again=True)
        except StreamExistsError:
            # Somebody began anew under its name: the fence will say so.
            return
        except StoreDownError:
            await asyncio.sleep(_RETRY_SECONDS)
            return
        if again:
            await self._wrote(Write(self._writer, first, again))

    async def check(self) -> None:
        """Find out whether the store still holds what it took, where nothing else is written."""
        if self._flusher is None or not self._queue:
            await self._wrote(Write(self._writer, self.written))

    def _next_frames(self) -> tuple[bytes, ...]:
        size, count = 0, 0
        for frame in islice(self._queue, _WRITE_EVENTS):
            size += len(frame)
            if count and size > _WRITE_BYTES:
                break
            count += 1
        return tuple(islice(self._queue, count))

    def _take(self, frames: Sequence[bytes]) -> None:
        """Move what was written from those that wait to those that are remembered."""
        self.written += len(frames)
        now = self._loop.time()
        for frame in frames:
            self._queue.popleft()
            self._size -= len(frame)
            if not self._store.in_process:
                self._recent.append((now, frame))
                self._recent_size += len(frame)
        recent = self._recent
        while recent and (
            len(recent) > _RECENT_EVENTS
            or self._recent_size > _RECENT_BYTES
            or recent[0][0] < now - _RECENT_SECONDS
        ):
            self._recent_size -= len(recent.popleft()[1])
        self._room.set()
