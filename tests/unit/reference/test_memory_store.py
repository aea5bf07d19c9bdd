"""The in-memory store: the contract of all stores, and what it alone does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.reference import MemoryStore, Stream, StreamStore, Write
from sse_observe.reference.store import StoreFullError
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


@pytest.mark.parametrize(
    "change",
    [
        Write(None, None, (b"c",)),
        Write(None, None, state="done"),
        Write(None, None, note=b"n"),
        Write(None, None, next_writer="other"),
        Write(None, None, next_epoch="e2"),
        Write(None, 5, jump=True),
        None,
    ],
)
def test_an_answer_is_given_again_until_anything_changes(change: Write | None) -> None:
    """Readers that keep up ask the same; a sweep (None) changes what they may get, too."""

    async def main() -> None:
        clock = Clock()
        store = MemoryStore(max_age_seconds=60, clock=clock)
        await store.create(Stream("s", "e"), writer="w")
        await store.write("s", Write("w", -1, (b"a", b"b")))
        async with store.watch("s", lambda: None):
            before = await store.read("s", 0)
            assert await store.read("s", 0) is before
            if change is None:
                clock.tick(61)
                await store.sweep()
            else:
                await store.write("s", change)
            assert await store.read("s", 0) != before

    asyncio.run(main())


async def _filled(store: MemoryStore, names: str, holder: str) -> None:
    for name in names:
        await store.create(Stream(name, f"epoch {name}", holder=holder), writer="w")


def test_streams_that_nobody_reads_make_room() -> None:
    """A thousand views that left at once keep no reader out; who reads keeps his stream."""

    async def main() -> None:
        clock, gone = Clock(), list[str]()
        store = MemoryStore(max_streams=3, clock=clock)
        await _filled(store, "abc", "an address")
        async with store.hold("b", lambda: gone.append("b")), store.watch("a", lambda: None):
            await store.read("c", -1)
            clock.tick(1)
            await store.read("c", -1)
            await _filled(store, "d", "an address")

            assert await store.find("a") is not None
            assert await store.find("b") is None
            assert await store.find("c") is not None
            # Its producer learns that it works for nobody.
            assert gone == ["b"]

    asyncio.run(main())


def test_the_address_that_left_most_unread_gives_way() -> None:
    """A user who reconnects finds his stream, however many a stranger has opened since."""

    async def main() -> None:
        clock = Clock()
        store = MemoryStore(max_streams=5, clock=clock)
        await _filled(store, "u", "a user")
        for n in range(200):
            clock.tick(0.01)
            await _filled(store, chr(1000 + n), "a stranger")

        assert await store.find("u") is not None

    asyncio.run(main())


def test_no_address_holds_all_there_is() -> None:
    """Connections are cheap for a stranger: a tenth of the places is for all others."""

    async def main() -> None:
        store = MemoryStore(max_streams=10)
        async with AsyncExitStack() as reading:
            for name in "abcdefghi":
                await _filled(store, name, "a stranger")
                await reading.enter_async_context(store.watch(name, lambda: None))
            with pytest.raises(StoreFullError, match="by one address"):
                await _filled(store, "j", "a stranger")
            await _filled(store, "u", "a user")

            assert await store.find("u") is not None

    asyncio.run(main())


def test_who_has_let_go_may_come_again() -> None:
    """Streams that were deleted or swept are held against nobody."""

    async def main() -> None:
        store = MemoryStore(max_streams=10)
        for _ in range(3):
            await _filled(store, "abcdefghi", "one")
            for name in "abcdefghi":
                await store.delete(name)

        assert not store._held_by

    asyncio.run(main())


def test_what_nobody_holds_is_kept() -> None:
    """A log that an application wrote is no view that somebody left."""

    async def main() -> None:
        store = MemoryStore(max_streams=2)
        await _filled(store, "ab", "")

        with pytest.raises(StoreFullError, match="all are in use"):
            await _filled(store, "u", "a user")

    asyncio.run(main())
