"""The life of streams in a store: what bounds them, what keeps them, when they are gone."""

import asyncio

from sse_observe.errors import SettingsError
from sse_observe.reference.store import GoneError, StoreFullError, Stream, Write
from sse_observe.reference.store_contract.support import StoreTests, new_stream, refused, runs


class LifetimeContract(StoreTests):
    """Old streams and events go, those that are read stay, and a gone one harms nobody."""

    @runs
    async def test_age_bounds_a_stream(self) -> None:
        """An event that is too old to resume from goes at the next write or sweep."""
        async with self.store(max_age_seconds=1.2) as store:
            stream, wakes = new_stream(), list[int]()
            await store.create(stream, writer="w")
            async with store.hold(stream.id, lambda: wakes.append(1)):
                await store.write(stream.id, Write("w", -1, (b"old",)))
                await self.pause(0.8)
                await store.write(stream.id, Write("w", 0, (b"young",)))
                await self.pause(0.8)

                assert (await store.sweep()).evicted == 1
                backlog = await self.read(store, stream)
                assert (backlog.frames, backlog.lost) == ((b"young",), 1)

    @runs
    async def test_an_unread_stream_goes_and_a_watched_one_stays(self) -> None:
        """A stream goes by the time since its last reader, never by that since its start."""
        async with self.store(idle_seconds=2) as store:
            watched, unread = new_stream(), new_stream()
            for stream in (watched, unread):
                await store.create(stream, writer="w")
                await store.write(stream.id, Write("w", -1, (b"x",)))
            async with store.watch(watched.id, lambda: None):
                await self.pause(2.6)
                assert await store.find(unread.id) is None
                assert await store.read(unread.id, -1) is None
                await refused(GoneError, store.write(unread.id, Write("w", 0, (b"y",))))
                assert await store.find(watched.id) == watched
            await self.pause(1.0)
            assert await store.find_epoch(watched.epoch) == watched
            await self.pause(1.6)
            assert await store.find_epoch(watched.epoch) is None

    @runs
    async def test_a_look_that_is_no_reading_keeps_nothing_alive(self) -> None:
        """Reading renews the idle time, looking does not, and a stream may have its own."""
        async with self.store(idle_seconds=60) as store:
            read, looked_at = new_stream(keep_seconds=2), new_stream(keep_seconds=2)
            await store.create(read)
            await store.create(looked_at)
            await self.pause(1.2)
            assert await store.read(read.id, -1)
            assert await store.read(looked_at.id, -1, touch=False)
            await self.pause(1.2)
            assert await store.find(read.id)
            assert await store.find(looked_at.id) is None

    @runs
    async def test_a_finished_stream_gives_way_one_that_is_read_does_not(self) -> None:
        """If all places are taken, the finished stream that was read longest ago goes."""
        async with self.store(max_streams=2) as store:
            one, two, three = new_stream(), new_stream(), new_stream()
            await store.create(one, writer="w")
            await self.pause(0.02)
            await store.create(two, writer="w")

            async with store.watch(one.id, lambda: None), store.watch(two.id, lambda: None):
                await refused(StoreFullError, store.create(three))
            for stream in (two, one):
                await store.write(stream.id, Write("w", -1, (b"x",), state="done"))
            async with store.watch(one.id, lambda: None):
                await store.create(three)
            assert await store.find(two.id) is None
            assert await store.find(one.id) == one
            assert (await store.usage()).streams == 2

    @runs
    async def test_what_nobody_reads_makes_room_first_of_who_left_the_most(self) -> None:
        """A flood of streams that are left pushes out itself: nobody's reader, no kept stream."""
        async with self.store(max_streams=8) as store:
            kept, read, honest = new_stream(), new_stream(holder="h"), new_stream(holder="h")
            flood = [new_stream(holder="f") for _ in range(5)]
            for stream in (kept, read, honest, *flood):
                await store.create(stream, writer="w")
            async with store.watch(read.id, lambda: None):
                for _ in range(5):
                    newest = new_stream(holder="f")
                    await store.create(newest, writer="w")
                    flood.append(newest)
                for stream in (kept, read, honest, newest):
                    assert await store.find(stream.id), stream
                gone = [stream for stream in flood if await store.find(stream.id) is None]
                assert len(gone) == 5
                await refused(GoneError, store.write(gone[0].id, Write("w", -1, (b"x",))))
            assert (await store.usage()).streams == 8

    @runs
    async def test_a_deleted_stream_is_gone_at_once(self) -> None:
        """Its name is free again, and what comes under it is not the old stream."""
        async with self.store() as store:
            stream = new_stream()
            await store.create(stream, writer="w")
            await store.write(stream.id, Write("w", -1, (b"old",)))

            assert await store.delete(stream.id)
            assert not await store.delete(stream.id)
            assert await store.read(stream.id, -1) is None
            assert await store.find_epoch(stream.epoch) is None
            again = Stream(stream.id, stream.epoch + "b")
            await store.create(again, writer="v")
            assert (await self.read(store, again)).frames == ()

    @runs
    async def test_a_stream_that_is_gone_harms_nobody(self) -> None:
        """Every method may be called for a stream that was never there."""
        async with self.store() as store:
            await refused(GoneError, store.write("gone", Write("w", -1, (b"x",))))
            assert await store.read("gone", -1) is None
            assert await store.find("gone") is None
            assert await store.find_epoch("gone") is None
            assert not await store.delete("gone")
            assert not await store.attended("gone")
            async with store.watch("gone", lambda: None), store.hold("gone", lambda: None):
                pass
            assert (await store.usage()).streams == 0

    def test_a_bound_of_nothing_isrefused(self) -> None:
        """A store that holds nothing could serve nothing: one line says which bound is wrong."""
        for name in ("max_streams", "max_events", "max_bytes", "max_age_seconds", "idle_seconds"):
            asyncio.run(self._refuses(name))

    async def _refuses(self, name: str) -> None:
        async def begin() -> None:
            async with self.store(**{name: 0}):
                pass

        assert f"{name}=0" in str(await refused(SettingsError, begin()))
