"""`ResumableStreams` where it refuses: the store is away, silent or empty, readers are many."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sse_observe.reference import MemoryStore, StoreDownError, Stream, reference_app
from tests.support.resumable_app import App, Words, begun
from tests.support.virtual import Visit, now, run


def test_one_reader_too_many_begins_no_answer() -> None:
    """It is asked for again later: the first answer would be produced for nobody."""

    async def main() -> None:
        app = App(Words(50), max_readers=1)
        visit, _ = await begun(app)
        refused = await app.post().ended()

        assert refused.status == 503
        assert len(app.streams.producers) == 1
        await visit.left()
        await app.streams.aclose()

    run(main())


class SilentStore(MemoryStore):
    """A shared store that takes events, and cannot tell of any."""

    in_process = False
    patience_seconds = 0.0

    @asynccontextmanager
    async def watch(self, stream_id: str, wake: Callable[[], None]) -> AsyncIterator[None]:
        await asyncio.sleep(self.patience_seconds)
        raise StoreDownError("redis://store: no answer in time")
        yield


@pytest.mark.parametrize(("seconds", "words"), [(0.0, 0), (1.5, 2)])
def test_an_answer_whose_client_cannot_be_told_its_name_is_stopped(
    seconds: float, words: int
) -> None:
    """It is refused, and may be asked for again: it is not produced, and paid for, twice."""

    async def main() -> None:
        store = SilentStore(clock=now)
        store.patience_seconds = seconds
        app = App(Words(50), store=store)
        refused = await app.post().ended()
        await asyncio.sleep(5)

        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        assert (len(app.streams.producers), app.words.produced) == (0, words)

    run(main())


class AwayStore(MemoryStore):
    """A shared store that does not answer."""

    in_process = False

    async def create(self, *_: Any, **__: Any) -> None:
        raise StoreDownError("redis://store: not reachable")

    async def find(self, stream_id: str) -> Stream | None:
        raise StoreDownError("redis://store: not reachable")


def test_an_answer_is_given_though_the_store_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """It lives in this process alone, can be resumed here, and the log says so."""

    async def main() -> None:
        app = App(store=AwayStore(clock=now))
        visit, name = await begun(app)
        await visit.left()
        again = await app.get(name).ended()
        unknown = await app.get("elsewhere").ended()

        assert again.payloads == [f"w{n}" for n in range(5)]
        # It may well be held by the store that is away.
        assert unknown.status == 503
        assert unknown.headers["retry-after"] == "5"

    with caplog.at_level(logging.WARNING):
        run(main())
    assert "kept by this process alone" in caplog.text


class ForgetfulStore(MemoryStore):
    """A shared store that has just lost what it held."""

    in_process = False
    unsure = True

    async def is_unsure(self) -> bool:
        return self.unsure


def test_a_store_that_lost_its_memory_denies_no_stream() -> None:
    """Its writer is about to bring it back: a 404 would be for ever, and so a new answer."""

    async def main() -> None:
        store = ForgetfulStore(clock=now)
        app = App(store=store)
        unsure = await app.get("lost").ended()
        with pytest.raises(StoreDownError, match="may come back"):
            await app.streams.stop("lost")
        store.unsure = False
        sure = await app.get("lost").ended()

        assert (unsure.status, unsure.headers["retry-after"]) == (503, "5")
        assert sure.status == 404
        assert not await app.streams.stop("lost")

    run(main())


def test_a_cursor_of_a_stream_that_is_coming_back_begins_no_second_one() -> None:
    """The answer is being produced: to produce it again would cost it twice."""

    async def main() -> None:
        store = ForgetfulStore(clock=now)
        app = reference_app(store=store)
        cursor = {"Last-Event-ID": "3-abcdefgh01234567"}
        unsure = await Visit(app, headers=cursor).ended()
        assert unsure.status == 503
        assert (await store.usage()).streams == 0
        store.unsure = False
        sure = await Visit(app, headers=cursor).until(lambda v: bool(v.messages))
        assert sure.status == 200
        await sure.left()
        await app.aclose()

    run(main())
