"""
Numbers of reports that the whole fleet has seen, so that one which comes again counts once.

Knows that others may be asked, and goes on without them: a report too many is better than none.
Rate limits are not shared: each process counts its own.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from sse_observe.errors import SSEObserveError

V = TypeVar("V")

# A browser waits for this answer, and a report is worth no more.
_PATIENCE_SECONDS = 0.5
# Whoever does not answer is not asked by each of a thousand reports a second.
_AWAY_SECONDS = 5.0


class SeenReports(Protocol):
    """A memory that several hosts share; `RedisStore` is one."""

    async def is_new_report(
        self, reporter: str, n: int, *, ends: bool, keep_seconds: float
    ) -> bool:
        """Tell whether report `n` of a reporter comes for the first time, and remember it."""

    async def last_report(self, reporter: str) -> int:
        """Return the highest number of a reporter's reports, 0 without any."""


class Seen:
    """The fleet's memory as far as it can be reached."""

    def __init__(self, shared: SeenReports | None, clock: Callable[[], float]) -> None:
        self._shared = shared
        self._clock = clock
        self._away_until = float("-inf")

    async def is_new(self, reporter: str, n: int, *, ends: bool, keep_seconds: float) -> bool:
        """Tell whether no other host has seen a report that is new here."""
        if self._shared is None:
            return True
        asking = self._shared.is_new_report(reporter, n, ends=ends, keep_seconds=keep_seconds)
        is_new = await self._answer(asking)
        return True if is_new is None else is_new

    async def last_report(self, reporter: str) -> int | None:
        """Return the highest number of a reporter's reports at any host; None: nobody can tell."""
        if self._shared is None:
            return None
        return await self._answer(self._shared.last_report(reporter))

    async def _answer(self, asking: Coroutine[Any, Any, V]) -> V | None:
        """Return what the others answer; None while they cannot be reached."""
        if self._clock() < self._away_until:
            asking.close()
            return None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await asking
        except (SSEObserveError, TimeoutError):
            self._away_until = self._clock() + _AWAY_SECONDS
            return None
