"""
The handover from the task that reads to the one that asks: a few items at a time.

Whoever asks may give up waiting and ask again later; nothing is lost meanwhile. At most what has
arrived together waits here, and the reader holds as much again.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Handover(Generic[T]):
    """Items on their way: one task puts them, another one gets them, in the same loop."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._taken = asyncio.Event()
        self._waiter: asyncio.Future[None] | None = None
        self._is_over = False
        self._error: BaseException | None = None

    async def taken(self) -> None:
        """Wait until everything that was put is taken."""
        if self._items:
            self._taken.clear()
            await self._taken.wait()

    def put(self, items: Iterable[T]) -> None:
        """Put items on their way."""
        self._items.extend(items)
        if self._items:
            self._wake()

    def end(self, error: BaseException | None = None) -> None:
        """Say that nothing more comes; an error is raised in its place, once."""
        if not self._is_over:
            self._is_over, self._error = True, error
            self._wake()

    def drop(self) -> None:
        """End it, and forget what is on its way: nobody wants it any more."""
        self._items.clear()
        self._error = None
        self.end()

    async def get(self) -> T:
        """Return the next item; raise StopAsyncIteration after the last."""
        while not self._items:
            if self._is_over:
                error, self._error = self._error, None
                raise error or StopAsyncIteration
            if self._waiter is not None:
                raise RuntimeError("another task is reading this stream already")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        item = self._items.popleft()
        if not self._items:
            self._taken.set()
        return item

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
