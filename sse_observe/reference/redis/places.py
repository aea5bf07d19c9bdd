"""
The places of all streams in one Redis: how many there may be, and which of them gives way.

Knows names, states and readers. Nothing here counts all streams one by one: where there is no
room, a few are drawn by lot, and whoever left the most unread is drawn the most often.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from hashlib import sha256

from sse_observe.reference.redis.calls import Answer, Calls
from sse_observe.reference.redis.mirrors import keys_of
from sse_observe.reference.store import StoreFullError

TOMBSTONE_SECONDS = 60
"""How long a stream that was taken away cannot be brought back by its writer."""
# Of streams of which one in twenty is unread, three draws of 32 miss all once in a hundred times.
_TRIES = 3


def holder_mark(holder: str) -> str:
    """Return a short mark of an address: enough to tell holders apart, and no address."""
    return sha256(holder.encode(errors="replace")).hexdigest()[:16] if holder else ""


class Places:
    """
    The index of one store's streams; `forget` is told the name of each that gave way.

    A stream that was created by someone for nobody in particular keeps its place while it is
    open; one that has a holder keeps it while it is read.
    """

    def __init__(
        self, calls: Calls, *, prefix: str, max_streams: int, forget: Callable[[str], object]
    ) -> None:
        self._calls = calls
        self._prefix = prefix
        self._most = max_streams
        self._forget = forget
        self._index = f"{prefix}{{index}}:all", f"{prefix}{{index}}:ended"

    async def reserve(self, stream_id: str, keep_ms: int) -> None:
        """Take a place, if need be one of a stream that nobody reads; raise StoreFullError."""
        tries = 0
        while tries < _TRIES:
            answer = await self._calls.call(
                "reserve", self._index, stream_id, self._most, 2 * keep_ms
            )
            if answer[0] == b"ok":
                return
            ended, drawn = ([name.decode() for name in names] for names in answer[1:])
            gave = await self._one_gives_way(ended)
            # Whoever is quicker may take the place that we made.
            if gave or await self._one_gives_way(await self._by_need(drawn)):
                continue
            tries += 1
        raise StoreFullError(
            f"{self._most} streams are held and all are in use; retry later, or raise max_streams"
        )

    async def renew(self, stream_id: str, keep_ms: int, *, has_ended: bool) -> None:
        """Keep a place."""
        await self._calls.call("renew", self._index, stream_id, 2 * keep_ms, has_ended)

    async def release(self, stream_id: str) -> None:
        """Give a place back."""
        self._forget(stream_id)
        await self._calls.call("release", self._index, stream_id)

    async def _one_gives_way(self, names: list[str]) -> bool:
        milliseconds = TOMBSTONE_SECONDS * 1000
        for name in names:
            keys = keys_of(self._prefix, name)
            gave = await self._calls.call("give_way", keys, milliseconds, self._prefix)
            if gave[0] == b"ok":
                await self.release(name)
                return True
        return False

    async def _by_need(self, names: list[str]) -> list[str]:
        """Return those that nobody reads, first whose holder left the most of them unread."""
        asked = (self._calls.call("weigh", keys_of(self._prefix, name)) for name in names)
        weighed = list(zip(names, await asyncio.gather(*asked), strict=True))
        many = Counter(answer[1] for _, answer in weighed if answer[0] == b"ok")

        def need(one: tuple[str, Answer]) -> tuple[int, int]:
            _, (word, *facts) = one
            return (-many[facts[0]], facts[1]) if word == b"ok" else (-len(names) - 1, 0)

        return [name for name, _ in sorted((w for w in weighed if w[1][0] != b"busy"), key=need)]
