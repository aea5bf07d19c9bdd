"""
The waits of one reading: how long each may take, and what it means that one took longer.

Knows asyncio and its clock; what is waited for is the reading's business.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from sse_observe.contract import SILENT_INTERVALS

T = TypeVar("T")

# For servers that do not say how often they send heartbeats: three of the usual 10 seconds.
_SILENT_SECONDS = 30.0
# A request that may not be asked twice is not given up as soon: the limit of the SDKs of
# OpenAI and Anthropic, for a model that thinks or a tool that runs between two words.
_LONG_SECONDS = 600.0
_CONNECT_SECONDS = 10.0
# Once a stream has said how it ends, what may follow (a count of tokens, `[DONE]`) follows at once.
_LAST_WORD_SECONDS = 1.0


class LateError(Exception):
    """Something took longer than it may; `is_stall` where the server is to blame for it."""

    def __init__(self, *, is_stall: bool) -> None:
        super().__init__()
        self.is_stall = is_stall


async def within(seconds: float | None, what: Awaitable[T]) -> T:
    """Await something; raise LateError beyond its limit."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await what
    except TimeoutError:
        if seconds is None or not limit.expired():
            raise
        # Where the alarm itself is late the machine slept or the loop was blocked: what was
        # waited for may be here, and the server is not to blame.
        on_time = loop.time() - began < seconds * 1.5
        raise LateError(is_stall=on_time) from None


class Limits:
    """
    The limits of one stream's waits; None for what may take as long as it likes.

    Without options a request that may be asked again has 10 seconds to be answered, and a
    stall is silence for 2.5 heartbeats as the server announces them, else 30 seconds. One that
    may not be asked again has all the time until its first content, and a silence of ten minutes
    after it.
    """

    def __init__(
        self,
        *,
        connect_seconds: float | None,
        stall_seconds: float | None,
        first_event_timeout: float | None,
    ) -> None:
        self._connect_seconds = connect_seconds
        self._stall_seconds = stall_seconds
        self._first_event_timeout = first_event_timeout
        self.heartbeat_seconds: float | None = None
        self._asked_at = 0.0
        self._stated_at: float | None = None
        self._is_safe = True
        self._waits_for_content = True

    def asked(self, *, is_safe: bool, has_content: bool) -> None:
        """Begin a request; `is_safe`: it may be asked again by itself."""
        self._asked_at = asyncio.get_running_loop().time()
        self._stated_at = None
        self._is_safe = is_safe
        self._waits_for_content = not has_content

    def content_came(self) -> None:
        """Take the first content: from now on only silence counts."""
        self._waits_for_content = False

    def expect_last_word(self, *, expected: bool) -> None:
        """Take that the stream has stated its end, so that little follows; or has taken it back."""
        if not expected:
            self._stated_at = None
        elif self._stated_at is None:
            self._stated_at = asyncio.get_running_loop().time()

    def to_answer(self) -> float | None:
        """Return how long the head of the answer may take from now."""
        usual = _CONNECT_SECONDS if self._is_safe else None
        chosen = usual if self._connect_seconds is None else self._connect_seconds
        return _least(chosen, self._left(self._first_event_timeout, self._asked_at))

    def to_next_bytes(self) -> float | None:
        """Return how long the next bytes may take from now."""
        if self._stated_at is not None:
            return self._left(_LAST_WORD_SECONDS, self._stated_at)
        if not self._waits_for_content:
            return self._silent()
        return _least(self._silent(), self._left(self._first_event_timeout, self._asked_at))

    def _silent(self) -> float | None:
        if self._stall_seconds is not None:
            return self._stall_seconds
        if self.heartbeat_seconds is not None:
            return SILENT_INTERVALS * self.heartbeat_seconds
        if self._is_safe:
            return _SILENT_SECONDS
        return None if self._waits_for_content else _LONG_SECONDS

    @staticmethod
    def _left(seconds: float | None, since: float) -> float | None:
        if seconds is None:
            return None
        return max(since + seconds - asyncio.get_running_loop().time(), 0.0)


def _least(*limits: float | None) -> float | None:
    return min((limit for limit in limits if limit is not None), default=None)
