"""
The producer of one stream: moves what a source yields into a store, whoever reads it.

Knows when it has to stop: its source ends or fails, somebody takes or stops the stream, nobody
reads it. Knows no connection.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, nullcontext
from dataclasses import dataclass
from typing import Literal

from sse_observe.errors import SettingsError
from sse_observe.reference.closing import closable
from sse_observe.reference.frames import FrameError
from sse_observe.reference.outbox import Outbox, OverflowingError
from sse_observe.reference.store import (
    FencedError,
    GoneError,
    State,
    StoreDownError,
    Stream,
    StreamStore,
)
from sse_observe.reference.turns import Turns

_log = logging.getLogger("sse_observe.reference")
# How long the end of a stream may hold up the end of its process. Its lease says the same, later.
_END_SECONDS = 8.0

OnDisconnect = float | Literal["continue", "stop"]


@dataclass(frozen=True, slots=True)
class ProducerPolicy:
    """
    The limits of a producer; see `ResumableStreams`.

    `unread_seconds` is how long it goes on after its last reader left, None for ever;
    `waits` tells whether it waits where nobody reads and the stream holds as much as it may,
    instead of dropping what is oldest.
    """

    unread_seconds: float | None = None
    waits: bool = False
    hands_over: bool = False
    buffer_events: int = 1000
    buffer_bytes: int = 1_048_576

    @property
    def minds_readers(self) -> bool:
        """Whether it matters to the producer that anybody reads."""
        return self.waits or self.unread_seconds is not None


def unread_seconds(on_disconnect: OnDisconnect) -> float | None:
    """Return how long a producer goes on without readers; raise SettingsError for nonsense."""
    if on_disconnect == "continue":
        return None
    if on_disconnect == "stop":
        return 0.0
    if isinstance(on_disconnect, bool) or not isinstance(on_disconnect, int | float):
        raise SettingsError(
            f"on_disconnect={on_disconnect!r} is unknown; give 'continue', 'stop' or seconds"
        )
    if on_disconnect < 0:
        raise SettingsError(f"on_disconnect={on_disconnect!r}: give 0 seconds or more")
    return float(on_disconnect)


class Producer:
    """
    One stream on its way from a source into a store.

    `run()` ends when the stream has; cancelled, it ends the stream as failed, or hands it over.
    `on_fenced` is called where another writer had taken the stream.
    """

    def __init__(
        self,
        store: StreamStore,
        stream: Stream,
        writer: str,
        source: AsyncIterator[bytes],
        policy: ProducerPolicy,
        *,
        on_fenced: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._stream = stream
        self._writer = writer
        self._source = source
        self._policy = policy
        self._on_fenced = on_fenced
        self._outbox = Outbox(
            store,
            stream,
            writer,
            max_events=policy.buffer_events,
            max_bytes=policy.buffer_bytes,
        )
        self._outbox.may_evict = not policy.waits
        self._filling: asyncio.Task[State] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._looks_again = False
        self._was_attended = False
        self._unread: asyncio.TimerHandle | None = None
        self._taken = False
        self._stopping: State | None = None

    @property
    def stream_id(self) -> str:
        """The id of its stream."""
        return self._stream.id

    @property
    def evicted(self) -> int:
        """The number of old events that went for new ones."""
        return self._outbox.evicted

    def begin_after(self, position: int) -> None:
        """Go on where another writer stopped."""
        self._outbox.written = position

    async def run(self) -> None:
        """Produce until the stream ends, for whatever reason."""
        # Cancelling our part must not cancel the end that is written for it.
        state: State = "failed"
        next_writer = None
        patience = None
        try:
            async with self._store.hold(self._stream.id, self._look_soon):
                self._filling = asyncio.ensure_future(Turns(self._fill))
                if self._policy.waits:
                    self._look_soon()
                try:
                    state = await self._filling
                except asyncio.CancelledError:
                    patience = _END_SECONDS
                    await self._cancel(self._filling)
                    if self._policy.hands_over:
                        state, next_writer = "open", ""
                    raise
                finally:
                    await self._quiet()
                    if not self._taken:
                        async with asyncio.timeout(patience) if patience else nullcontext():
                            await self._end(state, next_writer)
        except (StoreDownError, TimeoutError) as down:
            _log.warning("%s; the end of a stream could not be written", str(down) or "no answer")

    async def _end(self, state: State, next_writer: str | None) -> None:
        try:
            await self._outbox.close(state, next_writer=next_writer)
        except FencedError as fence:
            self._fenced(fence)
        except GoneError:
            pass

    async def _quiet(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
        if self._looking is not None and not self._looking.done():
            await self._cancel(self._looking)

    @staticmethod
    async def _cancel(task: "asyncio.Task[State] | asyncio.Task[None]") -> None:
        task.cancel()
        # A generator that swallows its cancellation must not hold up a shutdown for ever.
        await asyncio.wait([task], timeout=5)

    async def _fill(self, turns: "Turns[State]") -> State:
        """Return the state in which the stream is to end."""
        try:
            async with aclosing(closable(self._source)) as source:
                if self._stopping is not None:
                    # Before it had a turn.
                    return self._stopping
                put_at = turns.count - 1
                async for frame in source:
                    if turns.count == put_at:
                        # One that never waits would evict its events before anyone has a turn.
                        await asyncio.sleep(0)
                    await self._outbox.put(frame)
                    put_at = turns.count
        except FencedError as fence:
            self._fenced(fence)
        except GoneError:
            self._taken = True
        except (OverflowingError, FrameError) as error:
            # One line: where it was raised says nothing, and would hold what was too large.
            _log.warning("a stream failed: %s", str(error))
            return "failed"
        except BaseException as error:  # noqa: BLE001 - whatever the application's generator raises
            return self._state_after(error)
        return "done"

    def _state_after(self, error: BaseException) -> State:
        """Return the state in which such an error leaves the stream; raise what is not its own."""
        if isinstance(error, asyncio.CancelledError):
            if self._stopping is not None:
                return self._stopping
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise error
        if isinstance(error, KeyboardInterrupt):
            raise error
        # Also what is no Exception: a loop takes `sys.exit()` for its own end, and all streams'.
        # Each reader sees it by the way its response ends; the reason belongs here, once.
        _log.error("the producer of a stream failed", exc_info=error)
        return "failed"

    def stop(self, state: State) -> None:
        """End the stream from within; `state` is how it ends."""
        self._stopping = state
        if self._filling is not None:
            self._filling.cancel()

    def _fenced(self, fence: FencedError) -> None:
        self._taken = True
        if fence.state in ("open", "lost"):
            _log.warning("%s; its producer here stops", fence)
            self._on_fenced()

    def _look_soon(self) -> None:
        """Look at the stream: somebody else may have changed it, readers may have come or gone."""
        self._looks_again = True
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while self._looks_again:
            self._looks_again = False
            try:
                await self._look_once()
            except StoreDownError:
                # The store's own return wakes us again.
                return

    async def _look_once(self) -> None:
        found = await self._store.read(self._stream.id, self._outbox.written, touch=False)
        if found is None:
            if self._store.in_process:
                self._taken = True
                self.stop("stopped")
            else:
                await self._outbox.check()
            return
        if found.state != "open" or found.writer != self._writer:
            self._fenced(FencedError(self._stream.id, found.state))
            self.stop("stopped")
            return
        if self._policy.minds_readers:
            self._readers(attended=await self._store.attended(self._stream.id))

    def _readers(self, *, attended: bool) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        limit = self._policy.unread_seconds
        if not attended and self._was_attended and limit is not None:
            loop = asyncio.get_running_loop()
            self._unread = loop.call_later(limit, self.stop, "stopped")
        self._was_attended = self._was_attended or attended
        if self._policy.waits:
            self._outbox.may_evict = attended
            if attended:
                self._outbox.unblocked.set()
