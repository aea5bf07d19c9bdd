"""The in-memory store: the contract of all stores, and what it alone does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sse_observe.reference import MemoryStore, Stream, StreamStore, Write
from sse_observe.reference.store_contract import StoreContract
from tests.support.clock import Clock


class TestMemoryStore(StoreContract):
    """The contract, in time that is turned by hand."""

    @asynccontextmanager
    async def store(self, **bounds: Any) -> AsyncIterator[StreamStore]:
        self.clock = Clock()
        yield MemoryStore(clock=self.clock, **bounds)

    async def pause(self, seconds: float) -> None:
        self.clock.tick(seconds)


@given(
    total=st.integers(0, 30),
    bound=st.integers(1, 30),
    after=st.integers(-1, 29),
    size=st.integers(1, 9),
)
def test_what_was_read_and_what_was_lost_add_up(
    total: int, bound: int, after: int, size: int
) -> None:
    """Whatever the bounds, every event after a position is given or counted as lost."""

    async def main() -> None:
        store = MemoryStore(max_events=bound, max_bytes=100 * size)
        frames = [bytes([n]) * size for n in range(total)]
        await store.create(Stream("s", "e"), writer="w")
        evicted = 0
        for n, frame in enumerate(frames):
            evicted += (await store.write("s", Write("w", n - 1, (frame,)))).evicted
        backlog = await store.read("s", after)

        assert backlog is not None
        assert list(backlog.frames) == frames[max(after + 1, total - min(bound, 100)) :]
        assert backlog.lost + len(backlog.frames) == max(total - 1 - after, 0)
        assert evicted == max(total - min(bound, 100), 0)

    asyncio.run(main())


def test_a_sweep_names_what_it_forgot_and_wakes_its_holder() -> None:
    """A producer whose stream nobody read for long learns that it works for nobody."""

    async def main() -> None:
        clock, heard = Clock(), list[str]()
        store = MemoryStore(idle_seconds=60, clock=clock)
        await store.create(Stream("s", "e"), writer="w")
        async with store.hold("s", lambda: heard.append("news")):
            clock.tick(59)
            assert (await store.sweep()).streams == ()
            clock.tick(1)
            assert (await store.sweep()).streams == ("s",)
        assert heard == ["news"]

    asyncio.run(main())
