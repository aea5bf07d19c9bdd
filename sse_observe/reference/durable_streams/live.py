"""
Live reads: those that wait for what is not written yet, within a limit, until the server exits.

Knows who waits and what wakes them; what they are sent is the reads' own business.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sse_observe.asgi import Receive
from sse_observe.middleware.server_state import exiting
from sse_observe.reference.replies import LATER, RefusedError
from sse_observe.reference.store import StreamStore


class Waiting:
    """One live read; `is_over` once its client left, or the server exits."""

    def __init__(self) -> None:
        self.is_over = False
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Say that there is something new."""
        self._news.set()

    def end(self) -> None:
        """Say that nobody needs to wait any longer."""
        self.is_over = True
        self._news.set()

    async def until(self, deadline: float) -> None:
        """Wait for news, at most until the loop's clock shows this."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._news.wait()
        if not self.is_over:
            self._news.clear()


class Live:
    """All live reads of one application."""

    def __init__(self, store: StreamStore, *, max_readers: int) -> None:
        self._store = store
        self._max_readers = max_readers
        self._open: set[Waiting] = set()
        self._looking: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def read(self, name: str, receive: Receive) -> AsyncIterator[Waiting]:
        """Open a live read, which is woken from now on; refuse one too many."""
        if len(self._open) >= self._max_readers:
            raise RefusedError(503, "too many live reads are open; retry later", LATER)
        waiting = Waiting()
        self._open.add(waiting)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        leaving = asyncio.create_task(_left(receive, waiting))
        try:
            async with self._store.watch(name, waiting.wake):
                yield waiting
        finally:
            self._open.discard(waiting)
            leaving.cancel()
            await asyncio.wait([leaving])

    async def _look(self) -> None:
        # The lifespan's end comes only when all responses have ended.
        while self._open:
            await asyncio.sleep(1)
            if exiting():
                self.end()

    def end(self) -> None:
        """End all live reads in order; their clients ask again, elsewhere."""
        for waiting in tuple(self._open):
            waiting.end()

    async def aclose(self) -> None:
        """End all live reads, and cease to look."""
        self.end()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])


async def _left(receive: Receive, waiting: Waiting) -> None:
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    finally:
        waiting.end()
