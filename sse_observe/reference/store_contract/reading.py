"""Reading of a store: what is found, what is given, what is announced as lost, who is woken."""

import asyncio
from collections.abc import AsyncIterator

from sse_observe.reference.store import Stream, StreamExistsError, StreamStore, Write
from sse_observe.reference.store_contract.support import (
    PATIENCE_SECONDS,
    StoreTests,
    new_stream,
    refused,
    runs,
)


class ReadingContract(StoreTests):
    """Every event of a stream comes to each reader once, in order, or as lost."""

    @runs
    async def test_a_stream_is_found_by_its_id_and_by_its_epoch(self) -> None:
        """The epoch in an event's id is enough to find the stream again."""
        async with self.store() as store:
            stream = new_stream("user-7", 60)
            await store.create(stream)

            assert stream == await store.find(stream.id)
            assert stream == await store.find_epoch(stream.epoch)
            assert await store.find(stream.epoch) is None
            assert await store.find_epoch(stream.id) is None

    @runs
    async def test_two_streams_never_share_a_name(self) -> None:
        """A second stream of the same id or epoch is refused instead of mixed up."""
        async with self.store() as store:
            one, two = new_stream(), new_stream()
            await store.create(one)

            await refused(StreamExistsError, store.create(Stream(one.id, two.epoch)))
            await refused(StreamExistsError, store.create(Stream(two.id, one.epoch)))
            assert await store.find(two.id) is None

    @runs
    async def test_what_is_read_and_what_is_lost_add_up(self) -> None:
        """Every event after any position is either given or counted as lost, in order."""
        async with self.store(max_events=4) as store:
            stream = new_stream()
            await store.create(stream, writer="w")
            evicted = 0
            for n in range(9):
                evicted += (await store.write(stream.id, Write("w", n - 1, (b"%d" % n,)))).evicted
            for after in range(-1, 11):
                backlog = await self.read(store, stream, after)
                wanted = max(8 - after, 0)

                assert backlog.last == 8
                assert list(backlog.frames) == [b"%d" % n for n in range(max(after + 1, 5), 9)]
                assert backlog.lost + len(backlog.frames) == wanted
                assert not backlog.frames or backlog.first == max(after + 1, 5)
            assert evicted == 5
            assert (await store.usage()).events == 4

    @runs
    async def test_bytes_bound_a_stream_but_never_its_newest_event(self) -> None:
        """Old events go for large ones; the newest stays, or no reader could ever get it."""
        async with self.store(max_bytes=10) as store:
            stream = new_stream()
            await store.create(stream, writer="w")
            frames = (b"aaaa", b"bbbb", b"cccc", b"d" * 50)
            evicted = [
                (await store.write(stream.id, Write("w", n - 1, (frame,)))).evicted
                for n, frame in enumerate(frames)
            ]

            assert evicted == [0, 0, 1, 2]
            backlog = await self.read(store, stream)
            assert (backlog.frames, backlog.lost) == ((b"d" * 50,), 3)

    @runs
    async def test_several_events_are_written_at_once(self) -> None:
        """One write of many events is bounded as many writes of one are."""
        async with self.store(max_events=3) as store:
            stream = new_stream()
            await store.create(stream, writer="w")
            written = await store.write(stream.id, Write("w", -1, (b"0", b"1", b"2", b"3", b"4")))

            assert (written.last, written.evicted) == (4, 2)
            assert (await self.read(store, stream)).frames == (b"2", b"3", b"4")

    @runs
    async def test_bytes_are_kept_as_they_are(self) -> None:
        """Line ends, NUL, other encodings and empty events come back untouched."""
        async with self.store(max_bytes=1_000_000) as store:
            stream = new_stream()
            await store.create(stream, writer="w", note=b"\x00\xff")
            frames = (bytes(range(256)), b"", b"\r\n\r\n", "é\U0001f600".encode(), b"x" * 200_000)
            await store.write(stream.id, Write("w", -1, frames))

            backlog = await self.read(store, stream)
            assert backlog.frames == frames
            assert backlog.note == b"\x00\xff"

    @runs
    async def test_watchers_hear_of_every_change_until_they_leave(self) -> None:
        """An event and the end each wake; what is read then is already there."""
        async with self.store() as store:
            stream, seen = new_stream(), list[int]()
            woken = asyncio.Event()
            await store.create(stream, writer="w")
            async with store.watch(stream.id, woken.set):
                for n in range(3):
                    woken.clear()
                    await store.write(stream.id, Write("w", n - 1, (b"x",)))
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        await woken.wait()
                        while (await self.read(store, stream)).last < n:  # noqa: ASYNC110
                            await asyncio.sleep(0.005)
                    seen.append(n)
                await store.write(stream.id, Write("w", 2, state="done"))
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while (await self.read(store, stream)).state != "done":  # noqa: ASYNC110
                        await asyncio.sleep(0.005)
            assert seen == [0, 1, 2]

    @runs
    async def test_a_holder_hears_of_readers(self) -> None:
        """A producer can know whether anybody reads, and when that changes."""
        async with self.store() as store:
            stream, heard = new_stream(), list[str]()
            await store.create(stream, writer=store.new_writer())
            async with store.hold(stream.id, lambda: heard.append("news")):
                assert not await store.attended(stream.id)
                async with store.watch(stream.id, lambda: None):
                    await self.until(lambda: len(heard) == 1)
                    assert await store.attended(stream.id)
                await self.until(lambda: len(heard) == 2)
                assert not await store.attended(stream.id)

    @runs
    async def test_many_readers_and_writers_get_every_event_once(self) -> None:
        """Under many writers and readers at once, each reader sees its stream whole, in order."""
        async with self.store(max_events=1000) as store:
            streams = [new_stream() for _ in range(5)]
            for stream in streams:
                await store.create(stream, writer="w")
            readers = [
                asyncio.ensure_future(_followed(store, stream)) for stream in streams for _ in "abc"
            ]
            await asyncio.gather(*(_written(store, stream, 40) for stream in streams))
            async with asyncio.timeout(PATIENCE_SECONDS):
                found = await asyncio.gather(*readers)

            assert found == [[b"%d" % n for n in range(40)]] * 15


async def _written(store: StreamStore, stream: Stream, total: int) -> None:
    for n in range(total):
        await store.write(stream.id, Write("w", n - 1, (b"%d" % n,)))
    await store.write(stream.id, Write("w", total - 1, state="done"))


async def _followed(store: StreamStore, stream: Stream) -> list[bytes]:
    return [frame async for frame in follow(store, stream.id)]


async def follow(store: StreamStore, stream_id: str, after: int = -1) -> AsyncIterator[bytes]:
    """Yield the events of `stream_id` in `store` from `after` on until it ends, as readers do."""
    news = asyncio.Event()
    async with store.watch(stream_id, news.set):
        while True:
            found = await store.read(stream_id, after)
            if found is None:
                return
            assert not found.lost
            for frame in found.frames:
                yield frame
            if found.state != "open":
                return
            after = max(after, found.last)
            await news.wait()
            news.clear()
