"""
The mirrors of one process: which streams are read here, kept filled and said to be read.

Knows when to listen, to read and to look again; what a mirror holds is its own business.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from time import monotonic

from sse_observe.reference.bounds import Bounds
from sse_observe.reference.redis.calls import Answer, Calls
from sse_observe.reference.redis.channel import Channel
from sse_observe.reference.redis.lease import Lease
from sse_observe.reference.redis.mirror import Mirror
from sse_observe.reference.redis.script import STATE_OF
from sse_observe.reference.store import BEFORE_ALL, StoreDownError


def keys_of(prefix: str, stream_id: str) -> tuple[str, str]:
    """Return the keys of one stream's facts and log; both share a slot of a cluster."""
    # A cluster reads the slot up to the first brace, and an empty tag as none.
    tag = f"{prefix}{{{stream_id.replace('%', '%25').replace('}', '%7D')}}}"
    return tag, f"{tag}:log"


class Mirrors:
    """
    All mirrors of one store; `give_up` is called for a stream that nobody writes any more.

    A mirror lives as long as somebody here watches its stream.
    """

    def __init__(
        self,
        calls: Calls,
        channel: Channel,
        bounds: Bounds,
        *,
        host: str,
        prefix: str,
        lease_seconds: float,
        lease: Lease,
        give_up: Callable[[Mirror], Awaitable[None]],
    ) -> None:
        self._calls = calls
        self._channel = channel
        self._bounds = bounds
        self._host = host
        self._prefix = prefix
        self._lease_seconds = lease_seconds
        self._lease = lease
        self._give_up = give_up
        self._mirrors: dict[str, Mirror] = {}
        self._filling: dict[str, asyncio.Task[None]] = {}
        self._touching: asyncio.Task[None] | None = None

    def filled(self, stream_id: str) -> Mirror | None:
        """Return the mirror of a stream that is read here."""
        mirror = self._mirrors.get(stream_id)
        return mirror if mirror is not None and mirror.is_filled else None

    def hosts(self) -> Collection[str]:
        """Return the hosts whose open streams are read here, but for this one."""
        found = {mirror.host for mirror in self._mirrors.values() if mirror.state == "open"}
        return found - {self._host, ""}

    def of_host(self, host: str) -> list[Mirror]:
        """Return the mirrors of open streams that a host writes."""
        every = self._mirrors.values()
        return [one for one in every if one.state == "open" and one.host == host]

    @asynccontextmanager
    async def watch(self, stream_id: str, wake: Callable[[], None]) -> AsyncIterator[None]:
        """Call `wake` after each change while the context is open."""
        mirror = self._mirrors.get(stream_id)
        if mirror is None:
            mirror = self._mirrors[stream_id] = Mirror(
                stream_id, self._bounds, lambda: self._refill_soon(stream_id)
            )
        mirror.watchers.add(wake)
        try:
            if not mirror.is_filled:
                await self._begin(mirror)
            yield
        finally:
            mirror.watchers.discard(wake)
            if not mirror.watchers and self._mirrors.get(stream_id) is mirror:
                del self._mirrors[stream_id]
                # Whoever leaves is often being cancelled; that the others learn of it is not.
                await asyncio.shield(self._leave(stream_id))

    async def _begin(self, mirror: Mirror) -> None:
        """Fill a mirror: first listen, then read, so that nothing passes between the two."""
        meta, _ = keys_of(self._prefix, mirror.stream_id)
        await self._channel.subscribe(meta, mirror.take)
        # In this order, and in one batch.
        answers = await asyncio.gather(self._present(mirror, tell=True), self._read(mirror))
        self._take(mirror, answers[1])
        self._lease.look()
        if self._touching is None:
            self._touching = asyncio.get_running_loop().create_task(self._touch())

    async def _leave(self, stream_id: str) -> None:
        meta, log = keys_of(self._prefix, stream_id)
        with suppress(StoreDownError):
            if stream_id not in self._mirrors:
                await self._channel.unsubscribe(meta)
            if stream_id not in self._mirrors:
                await self._calls.call("present", (meta, log), self._host, 0, True, self._prefix)

    async def _present(self, mirror: Mirror, *, tell: bool) -> Answer:
        # Three touches may be late or lost before others take it for unread.
        milliseconds = int(self._lease_seconds * 3000)
        keys = keys_of(self._prefix, mirror.stream_id)
        return await self._calls.call("present", keys, self._host, milliseconds, tell, self._prefix)

    async def _read(self, mirror: Mirror) -> Answer:
        after = mirror.last if mirror.is_filled else BEFORE_ALL
        keys = keys_of(self._prefix, mirror.stream_id)
        return await self._calls.call("read", keys, after, True)

    def _take(self, mirror: Mirror, answer: Answer) -> None:
        if answer[0] == b"gone":
            self._missing(mirror)
        else:
            mirror.fill(answer)

    def _missing(self, mirror: Mirror) -> None:
        """Give the stream's writer a lease's time to bring it back."""
        now = monotonic()
        if mirror.missing_since is None and mirror.is_filled and mirror.state == "open":
            mirror.missing_since = now
        since = mirror.missing_since
        if since is None or now - since >= self._lease_seconds:
            mirror.gone()

    def _refill_soon(self, stream_id: str) -> None:
        """Read what was missed; asked for again meanwhile, once more afterwards."""
        mirror = self._mirrors.get(stream_id)
        if mirror is None:
            # Its last reader left, and the news of it are still on their way.
            return
        running = self._filling.get(stream_id)
        if running is not None and not running.done():
            mirror.missed = True
            return
        task = asyncio.get_running_loop().create_task(self._refill(stream_id))
        self._filling[stream_id] = task
        task.add_done_callback(lambda _: self._filling.pop(stream_id, None))

    async def _refill(self, stream_id: str) -> None:
        with suppress(StoreDownError):
            while mirror := self._mirrors.get(stream_id):
                mirror.missed = False
                self._take(mirror, await self._read(mirror))
                if not mirror.missed:
                    return

    def look_again(self) -> None:
        """Fill every mirror again, and say again that it is read: the store was away."""
        for mirror in tuple(self._mirrors.values()):
            mirror.is_announced = False
            self._refill_soon(mirror.stream_id)

    async def _touch(self) -> None:
        """Say once in a while what is read here, and look whether it is still there."""
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            now = monotonic()
            for mirror in tuple(self._mirrors.values()):
                is_due = now - mirror.touched_at >= self._lease_seconds
                if is_due or not mirror.is_announced or mirror.missing_since is not None:
                    mirror.touched_at = now
                    with suppress(StoreDownError):
                        await self._touch_one(mirror)

    async def _touch_one(self, mirror: Mirror) -> None:
        answer = await self._present(mirror, tell=not mirror.is_announced)
        if answer[0] == b"gone":
            self._missing(mirror)
            return
        mirror.is_announced = True
        _, last, state, writer = answer
        if last != mirror.last or STATE_OF[state] != mirror.state or mirror.missing_since:
            self._refill_soon(mirror.stream_id)
        if writer or STATE_OF[state] != "open":
            mirror.unheld_since = None
        elif mirror.unheld_since is None:
            mirror.unheld_since = monotonic()
        elif monotonic() - mirror.unheld_since >= self._lease_seconds:
            # Nobody took it over.
            await self._give_up(mirror)

    async def aclose(self) -> None:
        """Cease to look."""
        tasks = [*self._filling.values(), *([self._touching] if self._touching else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._touching = None
