"""Writing to a store: one writer at a time, whole changes, nothing twice and no hole by mistake."""

import asyncio

from sse_observe.reference.store import BehindError, CrowdedError, FencedError, Write
from sse_observe.reference.store_contract.support import StoreTests, new_stream, refused, runs


class WritingContract(StoreTests):
    """A write is done as a whole, once, by who holds the stream."""

    @runs
    async def test_only_the_writer_writes(self) -> None:
        """Whoever was replaced is refused, and nothing of what it says is kept."""
        async with self.store() as store:
            stream = new_stream()
            old, new = store.new_writer(), store.new_writer()
            assert old != new
            await store.create(stream, writer=old)
            await store.write(stream.id, Write(old, -1, (b"0",)))
            await store.write(stream.id, Write(old, 0, next_writer=new))

            refusal = await refused(FencedError, store.write(stream.id, Write(old, 0, (b"1",))))
            assert refusal.state == "open"
            assert (await store.write(stream.id, Write(new, 0, (b"2",)))).last == 1
            backlog = await self.read(store, stream)
            assert (backlog.frames, backlog.writer) == ((b"0", b"2"), new)

    @runs
    async def test_two_that_take_over_at_once_are_one(self) -> None:
        """Of several that claim the same stream, exactly one gets it."""
        async with self.store() as store:
            stream = new_stream()
            await store.create(stream, writer="dead")
            claims = [Write("dead", -1, next_writer=store.new_writer()) for _ in range(8)]
            answers = await asyncio.gather(
                *(store.write(stream.id, claim) for claim in claims), return_exceptions=True
            )

            assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
            assert sum(isinstance(answer, FencedError) for answer in answers) == 7

    @runs
    async def test_a_write_whose_answer_was_lost_is_not_done_twice(self) -> None:
        """The same write again changes nothing; one that overlaps adds what is new."""
        async with self.store() as store:
            stream = new_stream()
            await store.create(stream, writer="w")
            write = Write("w", -1, (b"0", b"1"))
            assert await store.write(stream.id, write) == await store.write(stream.id, write)
            assert (await store.write(stream.id, Write("w", 0, (b"1", b"2")))).last == 2
            assert (await self.read(store, stream)).frames == (b"0", b"1", b"2")

    @runs
    async def test_a_hole_is_never_written_by_mistake(self) -> None:
        """A writer that is ahead is told; if it gives the events up, readers see the gap."""
        async with self.store() as store:
            stream = new_stream()
            await store.create(stream, writer="w")
            await store.write(stream.id, Write("w", -1, (b"0", b"1")))

            behind = await refused(BehindError, store.write(stream.id, Write("w", 4, (b"5",))))
            assert behind.last == 1
            await store.write(stream.id, Write("w", 4, (b"5",), jump=True))
            backlog = await self.read(store, stream, 1)
            assert (backlog.frames, backlog.last, backlog.lost) == ((b"5",), 5, 3)
            assert (await self.read(store, stream)).lost == 5

    @runs
    async def test_a_stream_may_begin_after_events_that_are_gone(self) -> None:
        """A stream created again after a loss keeps its numbers, and says what is missing."""
        async with self.store() as store:
            stream = new_stream()
            await store.create(stream, writer="w", after=9)
            await store.write(stream.id, Write("w", 9, (b"10",)))
            backlog = await self.read(store, stream)

            assert (backlog.frames, backlog.last, backlog.lost) == ((b"10",), 10, 10)

    @runs
    async def test_an_end_is_final_and_comes_with_the_last_event(self) -> None:
        """The last events and the end are one write; after it, everything is refused."""
        async with self.store() as store:
            stream = new_stream()
            await store.create(stream, writer="w")
            await store.write(stream.id, Write("w", -1, (b"0",), state="failed"))

            for write in (Write("w", 0, (b"1",)), Write(None, None, state="stopped")):
                refusal = await refused(FencedError, store.write(stream.id, write))
                assert refusal.state == "failed"
            backlog = await self.read(store, stream)
            assert (backlog.frames, backlog.state) == ((b"0",), "failed")

    @runs
    async def test_anybody_may_stop_a_stream_and_its_holder_hears_of_it(self) -> None:
        """The user's stop needs no name of the writer, and reaches it wherever it is."""
        async with self.store() as store:
            stream, heard = new_stream(), list[str]()
            writer = store.new_writer()
            await store.create(stream, writer=writer)
            async with store.hold(stream.id, lambda: heard.append("news")):
                await store.write(stream.id, Write(None, None, state="stopped"))
                await self.until(lambda: bool(heard))
            await refused(FencedError, store.write(stream.id, Write(writer, -1, (b"x",))))
            assert (await self.read(store, stream)).state == "stopped"

    @runs
    async def test_a_write_may_refuse_to_push_out_what_nobody_has_read(self) -> None:
        """At the bound it changes nothing and says so; below it, it is like any other."""
        async with self.store(max_events=2, max_bytes=10) as store:
            few, large = new_stream(), new_stream()
            for stream in (few, large):
                await store.create(stream, writer="w")
            await store.write(few.id, Write("w", -1, (b"0", b"1"), evict=False))
            await store.write(large.id, Write("w", -1, (b"x" * 20,), evict=False))

            write = Write("w", 1, (b"2",), state="done", evict=False)
            await refused(CrowdedError, store.write(few.id, write))
            await refused(CrowdedError, store.write(large.id, Write("w", 0, (b"2",), evict=False)))
            backlog = await self.read(store, few)
            assert (backlog.frames, backlog.state) == ((b"0", b"1"), "open")
            assert (await store.write(few.id, Write("w", 1, (b"2",)))).evicted == 1

    @runs
    async def test_a_note_changes_with_the_events_or_not_at_all(self) -> None:
        """The note that a writer keeps beside the log is never of another moment than the log."""
        async with self.store() as store:
            stream = new_stream()
            await store.create(stream, writer="a", note=b"0")
            await store.write(stream.id, Write("a", -1, (b"x",), note=b"1", next_writer="b"))
            await refused(FencedError, store.write(stream.id, Write("a", 0, note=b"2")))
            backlog = await self.read(store, stream)

            assert (backlog.note, backlog.writer, backlog.last) == (b"1", "b", 0)
            await store.write(stream.id, Write("b", 0, (b"y",)))
            assert (await self.read(store, stream)).note == b"1"

    @runs
    async def test_a_new_epoch_is_another_log_under_the_same_name(self) -> None:
        """Old numbers never name new events: with the epoch, the ids change."""
        async with self.store() as store:
            stream = new_stream()
            await store.create(stream, writer="w")
            fresh = stream.epoch + "b"
            await store.write(stream.id, Write("w", -1, next_epoch=fresh, next_writer="v"))

            assert (await self.read(store, stream)).epoch == fresh
            for epoch in (fresh, stream.epoch):
                found = await store.find_epoch(epoch)
                assert found is not None
                assert (found.id, found.epoch) == (stream.id, fresh)
