"""The in-memory store: bounded in every direction, read by position, honest about what is gone."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.errors import SettingsError, SSEObserveError
from sse_observe.reference import MemoryStore, StoreFullError, Stream, Usage
from tests.support.clock import Clock


def run(main: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(main)


def stream(n: int = 0) -> Stream:
    return Stream(f"stream{n}", f"epoch{n}")


async def filled(store: MemoryStore, *frames: bytes) -> int:
    """Create stream 0 with these frames; return how many were evicted on the way."""
    await store.create(stream())
    return sum([await store.append("stream0", frame) for frame in frames])


def test_a_stream_is_found_by_its_id_and_by_its_epoch() -> None:
    """The epoch in an event's id is enough to find the stream again."""

    async def main() -> None:
        store = MemoryStore()
        await store.create(stream())

        assert stream() == await store.find("stream0")
        assert stream() == await store.find_epoch("epoch0")
        assert await store.find("epoch0") is None
        assert await store.find_epoch("stream0") is None

    run(main())


@given(
    total=st.integers(0, 30),
    bound=st.integers(1, 30),
    after=st.integers(-1, 29),
    size=st.integers(1, 9),
)
def test_what_was_read_and_what_was_lost_add_up(
    total: int, bound: int, after: int, size: int
) -> None:
    """Every event after the position is either given or counted as lost, in order."""

    async def main() -> None:
        store = MemoryStore(max_events=bound, max_bytes=100 * size)
        frames = [bytes([n]) * size for n in range(total)]
        evicted = await filled(store, *frames)
        backlog = await store.read("stream0", after)

        assert backlog is not None
        assert backlog.last == total - 1
        assert list(backlog.frames) == frames[max(after + 1, total - min(bound, 100)) :]
        assert backlog.lost + len(backlog.frames) == max(total - 1 - after, 0)
        assert evicted == max(total - min(bound, 100), 0)
        assert Usage(1, total - evicted) == await store.usage()

    run(main())


def test_bytes_bound_a_stream_but_never_its_newest_event() -> None:
    """Old events go for large ones; the newest stays, or no reader could ever get it."""

    async def main() -> None:
        store = MemoryStore(max_bytes=10)

        assert await filled(store, b"aaaa", b"bbbb", b"cccc", b"d" * 50) == 3
        backlog = await store.read("stream0", -1)
        assert backlog is not None
        assert backlog.frames == (b"d" * 50,)
        assert backlog.lost == 3

    run(main())


def test_age_bounds_a_stream(clock: Clock) -> None:
    """An event that is too old to resume from goes at the next append or sweep."""

    async def main() -> None:
        store = MemoryStore(max_age_seconds=60, clock=clock)
        await filled(store, b"old")
        clock.tick(50)
        await store.append("stream0", b"young")
        clock.tick(20)

        assert (await store.sweep()).evicted == 1
        backlog = await store.read("stream0", -1)
        assert backlog is not None
        assert backlog.frames == (b"young",)
        assert backlog.lost == 1

    run(main())


def test_a_stream_is_swept_by_its_last_reader_never_by_its_start(clock: Clock) -> None:
    """A watched stream stays however old it is; an unread one goes after the idle time."""

    async def main() -> None:
        store = MemoryStore(idle_seconds=60, max_age_seconds=10_000, clock=clock)
        await filled(store, b"x")
        await store.create(stream(1))
        async with store.watch("stream0", lambda: None):
            clock.tick(3600)
            assert (await store.sweep()).streams == ("stream1",)
        clock.tick(59)
        assert (await store.sweep()).streams == ()
        clock.tick(1)
        assert (await store.sweep()).streams == ("stream0",)
        assert await store.find_epoch("epoch0") is None
        assert Usage(0, 0) == await store.usage()

    run(main())


def test_a_finished_stream_gives_way_a_working_one_does_not(clock: Clock) -> None:
    """If all places are taken, the finished stream that was read longest ago goes."""

    async def main() -> None:
        store = MemoryStore(max_streams=2, clock=clock)
        await filled(store, b"x")
        clock.tick(1)
        await store.create(stream(1))

        with pytest.raises(StoreFullError, match="max_streams"):
            await store.create(stream(2))
        for n in (1, 0):
            await store.finish(f"stream{n}", "done")
        async with store.watch("stream0", lambda: None):
            await store.create(stream(2))
        assert await store.find("stream1") is None
        assert await store.find("stream0") is not None
        assert Usage(2, 1) == await store.usage()

    run(main())


def test_watchers_hear_of_every_change_until_they_leave() -> None:
    """An append and the end each wake; after the context, nothing does."""

    async def main() -> None:
        store = MemoryStore()
        heard: list[str] = []
        await store.create(stream())
        async with store.watch("stream0", lambda: heard.append("news")):
            await store.append("stream0", b"x")
            await store.finish("stream0", "done")
            await store.finish("stream0", "failed")
        await store.append("stream0", b"late")

        backlog = await store.read("stream0", -1)
        assert backlog is not None
        assert heard == ["news", "news"]
        assert (backlog.frames, backlog.state) == ((b"x",), "done")

    run(main())


def test_a_stream_that_is_gone_harms_nobody() -> None:
    """Every method may be called for a stream that was just swept."""

    async def main() -> None:
        store = MemoryStore()

        assert await store.append("gone", b"x") == 0
        assert await store.read("gone", -1) is None
        await store.finish("gone", "done")
        async with store.watch("gone", lambda: None):
            pass
        assert Usage(0, 0) == await store.usage()

    run(main())


def test_two_streams_never_share_a_name() -> None:
    """A second stream of the same id or epoch is refused instead of mixed up."""

    async def main() -> None:
        store = MemoryStore()
        await store.create(stream())

        with pytest.raises(SSEObserveError, match="exists already"):
            await store.create(Stream("stream0", "other"))
        with pytest.raises(SSEObserveError, match="exists already"):
            await store.create(Stream("other", "epoch0"))

    run(main())


@pytest.mark.parametrize(
    "bound", ["max_streams", "max_events", "max_bytes", "max_age_seconds", "idle_seconds"]
)
def test_a_bound_of_nothing_is_refused(bound: str) -> None:
    """A store that holds nothing could serve nothing: one line says which bound is wrong."""
    with pytest.raises(SettingsError, match=f"{bound}=0"):
        MemoryStore(**{bound: 0})
