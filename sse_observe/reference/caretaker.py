"""
The caretaker of one application: does what belongs to no response, while there are streams.

Sweeps the store each minute, counts evictions each second, and notices that the server exits:
the lifespan event comes only when all responses have ended.
"""

import asyncio
from collections.abc import Awaitable, Callable

from sse_observe.middleware.current_stream import CurrentStream
from sse_observe.middleware.server_state import exiting
from sse_observe.reference.producers import Producers
from sse_observe.reference.store import StreamStore, Usage

_SWEEP_SECONDS = 60


class Caretaker:
    """One task, started with the first stream; `close` ends all responses after the drain time."""

    def __init__(
        self,
        store: StreamStore,
        producers: Producers,
        close: Callable[[], Awaitable[None]],
        drain_seconds: float,
    ) -> None:
        self._store = store
        self._producers = producers
        self._close = close
        self._drain_seconds = drain_seconds
        self._task: asyncio.Task[None] | None = None
        self._evictions_counted = 0
        self.observer: CurrentStream | None = None
        """The latest response; speaks for what belongs to none."""

    def start(self) -> None:
        """Begin to work, unless at work already."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End the task and wait for it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        ticks = 0
        while (usage := await self._store.usage()).streams:
            self._count(usage)
            await asyncio.sleep(1)
            if exiting():
                await asyncio.sleep(self._drain_seconds)
                await self._close()
                return
            ticks += 1
            if ticks % _SWEEP_SECONDS == 0:
                await self._sweep()
        self._count(usage)

    async def _sweep(self) -> None:
        swept = await self._store.sweep()
        self._producers.evicted += swept.evicted
        for stream_id in swept.streams:
            await self._producers.stop(stream_id)

    def _count(self, usage: Usage) -> None:
        if self.observer is None:
            return
        self.observer.buffered(usage.events)
        evicted = self._producers.evicted
        if evicted > self._evictions_counted:
            self.observer.evicted(evicted - self._evictions_counted)
            self._evictions_counted = evicted
