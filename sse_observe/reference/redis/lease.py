"""
The lease of this process, and what becomes of streams whose host has lost its own.

One key for each host, however many streams it writes; a stream's writer names its host. Knows
hosts and time, not what is in a stream.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from time import monotonic

from sse_observe.reference.redis.calls import Calls
from sse_observe.reference.store import StoreDownError

Key = Callable[[str], str]
# Longer than anybody is silent whose streams are held: nothing of a store stays for ever.
_MEMORY_SECONDS = 86_400


class Lease:
    """
    Renewed five times in its life; `lost_everything` is called where it was gone meanwhile.

    Other hosts' leases are looked at twice before anything is declared lost, and not in a store
    that has just lost everything: then all are missing for a moment. `memory` is a key that is
    as old as all that the store holds.
    """

    def __init__(
        self,
        calls: Calls,
        *,
        host: str,
        seconds: float,
        key: Key,
        memory: str,
        lost_everything: Callable[[], None],
        hosts: Callable[[], Collection[str]],
        lost: Callable[[str], Awaitable[None]],
    ) -> None:
        self._calls = calls
        self._host = host
        self._seconds = seconds
        self._key = key
        self._memory = memory
        self._lost_everything = lost_everything
        self._hosts = hosts
        self._lost = lost
        self._missing: set[str] = set()
        self._renewing: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._down_at = monotonic() - seconds

    def keep(self) -> None:
        """Begin to renew our own lease."""
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.get_running_loop().create_task(self._renew())

    def look(self) -> None:
        """Begin to look at the leases of the hosts whose streams are read here."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._watch())

    def interrupted(self) -> None:
        """Say that the store was away: nobody could renew, so nothing is concluded for a while."""
        self._missing.clear()
        self._down_at = monotonic()

    async def is_unsure(self) -> bool:
        """
        Tell whether writers may be about to bring back what the store has lost.

        So it is for a lease's time after we saw it away, and in a store that is younger.
        """
        age = await self.remember()
        return age < self._seconds or self._is_interrupted()

    async def remember(self) -> float:
        """Return how many seconds the store has kept what it was given."""
        keys = (self._memory, self._memory)
        answer = await self._calls.call("age", keys, _MEMORY_SECONDS * 1000)
        return float(answer[1]) / 1000

    def _is_interrupted(self) -> bool:
        return monotonic() - self._down_at < self._seconds

    async def aclose(self) -> None:
        """Cease to renew; the lease is given back by `release`."""
        tasks = [task for task in (self._renewing, self._looking) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _renew(self) -> None:
        first = True
        while True:
            key = self._key(self._host)
            try:
                answer = await self._calls.call("lease", (key, key), int(self._seconds * 1000))
                if not answer[1] and not first:
                    self._lost_everything()
                first = False
                await self.remember()
            except StoreDownError:
                self.interrupted()
            await asyncio.sleep(self._seconds / 5)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / 10)
            try:
                await self._look_once()
            except StoreDownError:
                self.interrupted()

    async def _look_once(self) -> None:
        missing = set()
        for host in self._hosts():
            key = self._key(host)
            answer = await self._calls.call("exists", (key, key))
            if not answer[1]:
                missing.add(host)
        if missing and await self.is_unsure():
            missing = set()
        for host in missing & self._missing:
            await self._lost(host)
        self._missing = missing
