"""
One wait at a time, which may be given up: by its limit, or because the caller wants no more.

Knows asyncio; what is waited for is the stream's business.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class ClosedError(Exception):
    """The caller does not want the stream any more."""


class LateError(Exception):
    """Something took longer than it may."""


class Waiting:
    """The waits of one stream; one task waits, any task of the same loop may `close()`."""

    def __init__(self) -> None:
        self.closed = False
        self._current: asyncio.Timeout | None = None

    @property
    def now(self) -> bool:
        """Whether a task waits at this moment."""
        return self._current is not None

    def close(self) -> None:
        """Give up what is waited for now, and whatever would be later."""
        self.closed = True
        if self._current is not None:
            self._current.reschedule(asyncio.get_running_loop().time())

    async def within(self, seconds: float | None, what: Awaitable[T]) -> T:
        """Await something; raise LateError beyond its limit, ClosedError once closed."""
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                self._current = limit
                return await what
        except TimeoutError:
            if not limit.expired():
                raise
            raise (ClosedError if self.closed else LateError) from None
        finally:
            self._current = None
