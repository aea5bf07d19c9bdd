"""
The caretaker of one application: does what belongs to no response, while there are streams.

Sweeps the store each minute, counts evictions each second, and notices that the server exits:
the lifespan event comes only when all responses have ended.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Protocol

from sse_observe.middleware.current_stream import CurrentStream
from sse_observe.middleware.server_state import exiting
from sse_observe.reference.producers import Producers
from sse_observe.reference.store import StoreDownError, StreamStore, Usage

_SWEEP_SECONDS = 60


class Cared(Protocol):
    """An application whose streams want care."""

    @property
    def store(self) -> StreamStore:
        """The store of its streams."""

    @property
    def producers(self) -> Producers:
        """All that it produces."""

    @property
    def readers(self) -> Collection[object]:
        """Its open responses."""

    async def drain(self) -> None:
        """End everything that is open."""


class Caretaker:
    """One task, started with the first stream; drains the application when the server exits."""

    def __init__(self, cared: Cared, drain_seconds: float) -> None:
        self._cared = cared
        self._drain_seconds = drain_seconds
        self._task: asyncio.Task[None] | None = None
        self._evictions_counted = self._swept = 0
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
        while self._count(usage := await self._usage()) or usage.streams:
            await asyncio.sleep(1)
            if exiting():
                await asyncio.sleep(self._drain_seconds)
                await self._cared.drain()
                return
            ticks += 1
            if ticks % _SWEEP_SECONDS == 0:
                await self._sweep()

    async def _usage(self) -> Usage:
        try:
            return await self._cared.store.usage()
        except StoreDownError:
            return Usage(0, 0)

    async def _sweep(self) -> None:
        with suppress(StoreDownError):
            self._swept += (await self._cared.store.sweep()).evicted

    def _count(self, usage: Usage) -> bool:
        """Count what the store let go; tell whether anybody here reads or writes."""
        if self.observer is not None:
            self.observer.buffered(usage.events)
            evicted = self._cared.producers.evicted + self._swept
            if evicted > self._evictions_counted:
                self.observer.evicted(evicted - self._evictions_counted)
                self._evictions_counted = evicted
        return bool(self._cared.readers) or bool(len(self._cared.producers))
