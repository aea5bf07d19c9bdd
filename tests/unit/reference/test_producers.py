"""Producers: one for each stream, whether anybody reads it or not."""

import asyncio
import gc
import logging
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sse_observe.reference import MemoryStore, StoreDownError, Stream, reference_app
from sse_observe.reference.frames import payload_frames
from sse_observe.reference.producer import Producer, ProducerPolicy
from tests.support.scripted_endpoint import Script, created, endpoint, kinds, words
from tests.support.virtual import Visit, now, run


def test_the_producer_runs_once_whoever_comes_and_goes() -> None:
    """Connections are cheap to lose: the answer goes on without them, for all readers alike."""

    async def main() -> None:
        script = words(6)
        app = endpoint(script)
        query = await created(app, b'{"message": "hi"}')
        await Visit(app, query=query).left()
        readers = [Visit(app, query=query) for _ in range(3)]
        for reader in readers:
            await reader.ended()

        assert len(script.calls) == 1
        assert script.calls[0][1] == {"message": "hi"}
        assert [reader.payloads for reader in readers] == [[f"w{i}" for i in range(6)]] * 3

    run(main())


def test_a_get_without_a_stream_passes_its_query_to_the_producer() -> None:
    """Only the contract's own words are kept back."""

    async def main() -> None:
        script = words(1)
        await Visit(
            endpoint(script), query="message=h%C3%A9&user_id=7&network_type=4g&last_event_id="
        ).ended()

        assert script.calls[0][1] == {"message": "hé", "user_id": "7"}

    run(main())


def test_a_producer_that_never_waits_loses_nothing_for_a_reader_that_keeps_up() -> None:
    """Each event gives the readers a turn before the next can push it out."""

    async def main() -> None:
        app = endpoint(Script(1.0, *(f"w{i}" for i in range(1000))))
        visit = await Visit(app).ended()

        assert visit.payloads == [f"w{i}" for i in range(1000)]

    run(main())


def test_a_source_that_waits_is_not_made_to_wait_once_more() -> None:
    """The readers have their turn while it waits: another one would cost as much as the event."""

    async def main() -> int:
        async def source() -> AsyncIterator[bytes]:
            for _ in range(100):
                await asyncio.sleep(0)
                yield b"data: x\n\n"

        store, stream = MemoryStore(), Stream("s", "e")
        await store.create(stream, writer="w")
        work = Producer(store, stream, "w", source(), ProducerPolicy()).run()
        task, turns = asyncio.ensure_future(work), 0
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert 100 < run(main()) < 110


def test_a_producer_that_gives_no_iterator_fails_its_stream_in_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A mistake that cannot be seen at the start is named in the log."""

    async def main() -> None:
        produce: Any = lambda stream_id, params: ["text"]  # noqa: E731
        visit = await Visit(reference_app(produce=produce)).ended()
        assert "done" not in kinds(visit)

    with caplog.at_level(logging.ERROR):
        run(main())
    assert "async generator function" in caplog.text


def test_a_store_that_is_away_holds_up_no_shutdown(caplog: pytest.LogCaptureFixture) -> None:
    """A runner that ends cancels each task once, and waits: the end is given up after a while."""

    async def main() -> None:
        store: Any = MemoryStore(clock=now)
        store.in_process = False
        stream = Stream("s", "e")
        writer = store.new_writer()
        await store.create(stream, writer=writer)
        write, away = store.write, []

        async def sometimes(*arguments: Any) -> Any:
            if away:
                raise StoreDownError("redis://h: not reachable")
            return await write(*arguments)

        store.write = sometimes
        frames = payload_frames(lambda: words(1000)("s", {}))
        task = asyncio.ensure_future(
            Producer(store, stream, writer, frames, ProducerPolicy()).run()
        )
        await asyncio.sleep(5)
        away.append(True)
        began = now()
        task.cancel()
        await asyncio.wait([task], timeout=100)
        assert task.done()
        assert now() - began == pytest.approx(8, abs=0.5)

    run(main())
    assert "the end of a stream could not be written" in caplog.text


class Impatient(BaseException):
    """No Exception: an `except Exception` lets it through."""


@pytest.mark.parametrize("error", [Impatient, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_whatever_a_producer_raises_fails_its_stream_alone(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """A library that calls `sys.exit()` ends one answer, not the server and all its streams."""

    async def main() -> None:
        async def produce(stream_id: str, params: Any) -> Any:
            yield "one"
            await asyncio.sleep(1)
            if params.get("breaks"):
                raise error("out")
            yield "two"

        app = reference_app(produce=produce, store=MemoryStore(clock=now))
        whole, broken = Visit(app), Visit(app, query="breaks=1")
        await broken.ended()
        await whole.ended()
        assert whole.payloads == ["one", "two"]
        assert broken.payloads == ["one"]
        assert kinds(broken)[-1] == "error"
        await app.aclose()

    run(main())
    assert "the producer of a stream failed" in caplog.text


def test_an_event_of_a_hundred_megabytes_fails_its_stream_and_is_not_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The newest event is kept whatever its size, so a thousand such streams would be 100 GB."""

    async def main() -> int:
        async def produce(stream_id: str, params: Any) -> Any:
            yield "one"
            yield "x" * 100_000_000
            yield "two"

        app = reference_app(produce=produce, store=MemoryStore(clock=now))
        visit = await Visit(app).ended()
        assert visit.payloads == ["one"]
        assert kinds(visit)[-1] == "error"
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
        await app.aclose()
        return held

    tracemalloc.start()
    try:
        assert run(main()) < 10_000_000
    finally:
        tracemalloc.stop()
    assert "clients read 8 MB; yield it in parts" in caplog.text


def test_a_storm_of_readers_that_are_cancelled_leaves_nothing() -> None:
    """A thousand requests are torn down in the middle: no task, no reader, and the stream runs."""

    async def main() -> None:
        app = endpoint(words(20))
        query = await created(app)
        before = len(asyncio.all_tasks())
        for _ in range(10):
            visits = [Visit(app, query=query) for _ in range(100)]
            await asyncio.sleep(0.5)
            for visit in visits:
                visit.task.cancel()
            await asyncio.gather(*(visit.task for visit in visits), return_exceptions=True)
        assert len(asyncio.all_tasks()) <= before
        assert not app.readers
        last = await Visit(app, query=query).ended()
        assert last.payloads == [f"w{n}" for n in range(20)]
        await app.aclose()

    run(main())
