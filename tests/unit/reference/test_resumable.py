"""`ResumableStreams`: whose stream it is, who reads it, when it stops, what it waits for."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sse_observe.errors import SettingsError
from sse_observe.reference import (
    Interrupted,
    MemoryStore,
    ResumableStreams,
    Stream,
    Write,
)
from sse_observe.wire import encode
from tests.support.resumable_app import App, Words, begun
from tests.support.virtual import Visit, now, run


def test_a_stream_goes_on_without_readers_by_default() -> None:
    """Whoever closes the tab finds the whole answer later."""

    async def main() -> None:
        app = App(Words(5))
        visit, name = await begun(app)
        await visit.left()
        await asyncio.sleep(10)
        again = await app.get(name).ended()

        assert again.payloads == [f"w{n}" for n in range(5)]
        assert app.words.closed == 1

    run(main())


@pytest.mark.parametrize(("on_disconnect", "seconds"), [("stop", 0), (20, 20), (7.5, 7.5)])
def test_a_stream_stops_when_nobody_reads_it_any_more(on_disconnect: Any, seconds: float) -> None:
    """At once, or after the time that the application gives a reader to come back."""

    async def main() -> None:
        app = App(Words(1000), on_disconnect=on_disconnect)
        visit, name = await begun(app)
        other = await app.get(name).until(lambda v: bool(v.payloads))
        await visit.left()
        await asyncio.sleep(seconds + 2)
        assert app.words.closed == 0
        await other.left()
        left = now()
        while not app.words.closed:  # noqa: ASYNC110 - time passes only in timers here
            await asyncio.sleep(0.25)

        assert now() - left == pytest.approx(seconds, abs=0.5)
        again = await app.get(name).ended()
        assert again.events[-1].type == "done"

    run(main())


def test_a_reader_that_comes_back_in_time_keeps_the_stream() -> None:
    """The clock starts anew with each last reader that leaves."""

    async def main() -> None:
        app = App(Words(1000), on_disconnect=10)
        visit, name = await begun(app)
        for _ in range(5):
            await visit.left()
            await asyncio.sleep(9)
            visit = await app.get(name).until(lambda v: bool(v.payloads))
        assert app.words.closed == 0
        await visit.left()
        await asyncio.sleep(11)
        assert app.words.closed == 1

    run(main())


def test_a_full_stream_waits_for_a_reader_where_the_application_says_so() -> None:
    """Nothing is dropped that nobody has seen; with a reader it goes on, and the old ones go."""

    async def main() -> None:
        store = MemoryStore(max_events=5, clock=now)
        app = App(Words(20), store=store, when_full="wait")
        visit, name = await begun(app, words=1)
        await visit.left()
        await asyncio.sleep(60)
        # One more than is held waits at the door.
        assert app.words.produced == 5
        again = await app.get(name).ended()

        assert again.payloads == [f"w{n}" for n in range(20)]
        assert again.hello["lost"] == 0

    run(main())


def test_a_full_stream_drops_what_is_oldest_by_default() -> None:
    """The answer is finished in its own time, and the gap is announced."""

    async def main() -> None:
        store = MemoryStore(max_events=5, clock=now)
        app = App(Words(20), store=store)
        visit, name = await begun(app, words=1)
        await visit.left()
        await asyncio.sleep(30)
        again = await app.get(name).ended()

        assert again.payloads == [f"w{n}" for n in range(15, 20)]
        assert again.hello["lost"] == 15

    run(main())


def test_a_stream_is_read_by_whom_the_application_allows() -> None:
    """To everybody else it does not exist: the refusal is that of an unknown name."""

    async def allowed(scope: Any, stream: Stream) -> bool:
        users = dict(scope["headers"])
        return users.get(b"x-user", b"").decode() == stream.owner

    async def main() -> None:
        app = App(authorize=allowed, begin={"owner": "ann"})
        _, name = await begun(app)
        hers = await app.get(name, **{"x-user": "ann"}).ended()
        his = await app.get(name, **{"x-user": "bob"}).ended()
        nobody = await app.get("nothing", **{"x-user": "ann"}).ended()

        assert hers.payloads == [f"w{n}" for n in range(5)]
        assert (his.status, his.body) == (nobody.status, nobody.body) == (404, nobody.body)

    run(main())


def test_the_application_may_name_a_stream_once() -> None:
    """A second answer under the same name is refused, and its generator never begins."""

    async def main() -> None:
        app = App(begin={"stream_id": "conversation-7"})
        first = await app.post().until(lambda v: bool(v.payloads))
        second = await app.post().ended()

        assert first.hello["stream"] == "conversation-7"
        assert second.status == 409
        assert app.words.closed == 0
        await first.ended()
        assert app.words.produced == 5

    run(main())


def test_producers_and_readers_are_bounded() -> None:
    """One more than allowed has to come later, with a delay."""

    async def main() -> None:
        app = App(Words(50), max_producers=2, max_readers=3)
        visits = [await app.post().until(lambda v: bool(v.payloads)) for _ in range(2)]
        name = str(visits[0].hello["stream"])
        refused = await app.post().ended()
        third = await app.get(name).until(lambda v: bool(v.payloads))
        fourth = await app.get(name).ended()

        assert (refused.status, fourth.status) == (503, 503)
        assert refused.headers["retry-after"] == "5"
        for visit in (*visits, third):
            await visit.left()
        await app.streams.aclose()
        assert app.words.closed == 2

    run(main())


def test_a_stop_ends_the_producer_and_every_response() -> None:
    """The user's stop is an end, not a failure, and there is nothing to stop a second time."""

    async def main() -> None:
        app = App(Words(1000))
        visit, name = await begun(app)
        assert await app.streams.stop(name)
        await visit.ended()

        assert visit.events[-1].type == "done"
        assert app.words.closed == 1
        assert not await app.streams.stop(name)
        assert not await app.streams.stop("nothing")

    run(main())


def test_a_stream_without_a_producer_is_taken_over_where_the_application_can() -> None:
    """A stream that another host began goes on after its last event, once, for all readers."""

    async def main() -> None:
        store = MemoryStore(clock=now)
        taken: list[Interrupted] = []
        words = Words(6)

        def take_over(interrupted: Interrupted) -> AsyncIterator[bytes]:
            taken.append(interrupted)
            return words(interrupted.last + 1)

        await store.create(Stream("s", "epoch0000000"), writer="gone")
        for n in range(2):
            await store.write("s", Write("gone", n - 1, (encode(f"w{n}"),)))
        app = App(store=store, take_over=take_over)
        early = await app.get("s").until(lambda v: len(v.payloads) == 2)
        await store.write("s", Write("gone", 1, next_writer=""))
        late = app.get("s")
        for visit in (early, late):
            await visit.ended()
            assert visit.payloads == [f"w{n}" for n in range(6)]

        assert [(one.last, len(one.held)) for one in taken] == [(1, 2)]

    run(main())


def test_what_is_no_generator_is_refused_where_it_is_passed() -> None:
    """The likely mistake is the function itself, not what it returns."""
    streams = ResumableStreams()
    with pytest.raises(TypeError, match="pass what it returns"):
        streams.response(Words(1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"on_disconnect": "never"},
        {"on_disconnect": -1},
        {"on_disconnect": True},
        {"when_full": "block"},
        {"max_producers": 0},
        {"max_readers": 0},
        {"heartbeat_seconds": 0},
        {"drain_seconds": -1},
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_by_its_name(options: Any) -> None:
    """One line at start that names the option and what it may be."""
    with pytest.raises(SettingsError, match=next(iter(options))):
        ResumableStreams(**options)


@pytest.mark.parametrize("chunk", ["text without an end", b"", 7])
def test_what_is_no_event_stream_ends_as_what_it_is(chunk: Any) -> None:
    """A last event without an empty line is sent as it stands; a number fails the stream."""

    async def frames() -> AsyncIterator[Any]:
        yield "data: a\n\n"
        yield chunk

    async def main() -> Visit:
        app = App()
        response = app.streams.response(frames())
        return await Visit(response, method="POST").ended()

    visit = run(main())
    assert visit.complete
    if isinstance(chunk, int):
        assert visit.events[-1].type == "error"
    else:
        assert visit.body == b"data: a\n\n" + (chunk.encode() if isinstance(chunk, str) else chunk)
