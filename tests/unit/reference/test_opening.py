"""Which stream a client means, and what it has not seen of it."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware
from sse_observe.reference import MemoryStore
from tests.support.scripted_endpoint import (
    Script,
    created,
    endpoint,
    kinds,
    words,
)
from tests.support.virtual import Visit, now, run


@pytest.mark.parametrize("way", ["header", "query", "seq"])
def test_a_finished_stream_asked_again_answers_204(way: str) -> None:
    """A client that has everything must stay away; EventSource would reconnect for ever."""

    async def main() -> None:
        app = endpoint()
        query = await created(app)
        first = await Visit(app, query=query).ended()
        cursor = first.ids[-1]
        if way == "header":
            again = Visit(app, headers={"Last-Event-ID": cursor})
        elif way == "query":
            again = Visit(app, query=f"last_event_id={cursor}")
        else:
            again = Visit(app, query=f"{query}&last_event_id=4")
        await again.ended()

        assert again.status == 204
        assert again.body == b""
        assert "content-type" not in again.headers

    run(main())


def test_a_finished_stream_without_any_event_answers_204() -> None:
    """There is no cursor to come back with, so the stream itself must stop the client."""

    async def main() -> None:
        app = endpoint(Script(1.0))
        query = await created(app)
        first = await Visit(app, query=query).ended()
        again = await Visit(app, query=query).ended()

        assert kinds(first)[-1] == "done"
        assert again.status == 204

    run(main())


def test_an_answer_that_never_arrived_is_given_again() -> None:
    """A client without a cursor has seen nothing: a 204 would hide the whole answer from it."""

    async def main() -> None:
        app = endpoint()
        query = await created(app)
        await Visit(app, query=query).ended()
        again = await Visit(app, query=query).ended()

        assert again.payloads == ["w0", "w1", "w2", "w3", "w4"]
        assert kinds(again)[-1] == "done"

    run(main())


def test_a_resume_gives_what_follows_the_cursor_and_says_so() -> None:
    """The header alone finds the stream by its epoch: a native EventSource repeats its URL."""

    async def main() -> None:
        app = endpoint(words(8))
        first = await Visit(app).until(lambda v: len(v.payloads) == 3)
        await first.left()
        await asyncio.sleep(2.5)
        again = await Visit(app, headers={"Last-Event-ID": first.ids[1]}).ended()

        assert again.hello["stream"] == first.hello["stream"]
        assert again.hello["resumed_from"] == first.ids[1]
        assert again.hello["replayed"] == 3
        assert again.hello["lost"] == 0
        assert again.payloads == [f"w{i}" for i in range(2, 8)]

    run(main())


def test_the_header_comes_before_the_query() -> None:
    """A reconnecting EventSource repeats an old query and sends the news in its header."""

    async def main() -> None:
        app = endpoint()
        first = await Visit(app).ended()
        again = await Visit(
            app,
            query=f"last_event_id={first.ids[0]}",
            headers={"Last-Event-ID": first.ids[2]},
        ).ended()

        assert again.payloads == ["w3", "w4"]

    run(main())


def test_a_bare_integer_is_a_position_in_the_named_stream() -> None:
    """A simple client keeps `parseInt(lastEventId)`, which of our ids is the seq."""

    async def main() -> None:
        app = endpoint()
        query = await created(app)
        await Visit(app, query=query).ended()
        again = await Visit(app, query=f"{query}&last_event_id=2").ended()

        assert again.payloads == ["w3", "w4"]

    run(main())


def test_a_client_that_was_greeted_and_got_nothing_resumes_from_minus_one() -> None:
    """It comes back to its stream as a resume, though it has no event to name."""

    async def main() -> None:
        app = endpoint(Script(5.0, "w0", "w1"))
        first = await Visit(app).until(lambda v: bool(v.events))
        await first.left()
        again = await Visit(
            app,
            query=f"stream_id={first.hello['stream']}",
            headers={"Last-Event-ID": "-1"},
        ).ended()

        assert again.hello["resumed_from"] == "-1"
        assert again.hello["lost"] == 0
        assert again.payloads == ["w0", "w1"]

    run(main())


@pytest.mark.parametrize(
    ("cursor", "outcome"),
    [
        ("", None),
        ("garbage", "malformed"),
        ("9e99", "malformed"),
        ("-2", "malformed"),
        ("1.5", "malformed"),
        ("\u0663-{epoch}", "malformed"),
        ("99999-{epoch}", "malformed"),
        ("2-{other}", "unknown_stream"),
        ("2-zzzzzzzzzzzzzzzz", "unknown_stream"),
        ("x" * 200, "malformed"),
        ("1" * 129, "malformed"),
        ("2-{epoch}\0", "malformed"),
        ("2-{epoch} ", "malformed"),
        ("../../etc/passwd", "malformed"),
    ],
)
@pytest.mark.parametrize("by", ["header", "query"])
def test_a_hostile_cursor_starts_fresh_and_is_told_so(
    by: str, cursor: str, outcome: str | None
) -> None:
    """Never a 4xx: that would end an EventSource for good."""

    async def main() -> None:
        metrics = SSEMetrics(CollectorRegistry())
        app = endpoint(words(4))
        watched = SSEObserveMiddleware(app, metrics=metrics)
        query = await created(app)
        mine = Visit(app, query=query)
        other = Visit(app)
        await mine.ended()
        await other.ended()
        text = cursor.format(
            epoch=mine.ids[0].partition("-")[2], other=other.ids[0].partition("-")[2]
        )
        raw = text.encode().decode("latin-1")
        if by == "header":
            visit = Visit(watched, query=query, headers={"Last-Event-ID": raw})
        else:
            escaped = "".join(f"%{byte:02x}" for byte in text.encode())
            visit = Visit(watched, query=f"{query}&last_event_id={escaped}")
        await visit.ended()

        assert visit.status == 200
        assert visit.hello["resumed_from"] is None
        assert visit.hello["stream"] == mine.hello["stream"]
        assert visit.payloads == mine.payloads
        sample = metrics.registry.get_sample_value
        counted = {
            name: sample("sse_resumes_total", {"route": "other", "outcome": name})
            for name in ("full", "gap", "unknown_stream", "malformed")
        }
        assert [name for name, n in counted.items() if n] == ([outcome] if outcome else [])

    run(main())


def test_without_a_stream_id_an_unknown_epoch_begins_a_new_stream() -> None:
    """After a deploy with an empty store the client goes on, and hello says what it is now."""

    async def main() -> None:
        app = endpoint()
        visit = await Visit(
            app, query="message=hi", headers={"Last-Event-ID": "7-abcdefghijklmnop"}
        ).ended()

        assert visit.status == 200
        assert visit.hello["resumed_from"] is None
        assert visit.ids[0].startswith("0-")
        assert not visit.ids[0].endswith("abcdefghijklmnop")

    run(main())


def test_an_unknown_stream_is_404_and_creates_nothing() -> None:
    """Its parameters are gone: a fresh run would answer a question that nobody asked."""

    async def main() -> None:
        script = words(3)
        visit = await Visit(endpoint(script), query="stream_id=nope").ended()

        assert visit.status == 404
        assert b"create a new one" in visit.body
        assert script.calls == []

    run(main())


def test_what_was_evicted_is_announced_as_lost() -> None:
    """A gap is the number in hello, the counter on the server, and never silence."""

    async def main() -> None:
        metrics = SSEMetrics(CollectorRegistry())
        app = endpoint(words(10, pause=0.01), store=MemoryStore(max_events=3, clock=now))
        watched = SSEObserveMiddleware(app, metrics=metrics)
        query = await created(app)
        first = await Visit(watched, query=query).until(lambda v: len(v.payloads) == 2)
        await first.left()
        await asyncio.sleep(1)
        again = await Visit(watched, headers={"Last-Event-ID": first.ids[1]}).ended()
        await asyncio.sleep(2)

        assert again.hello["lost"] == 5
        assert again.hello["resumed_from"] == first.ids[1]
        assert again.payloads == ["w7", "w8", "w9"]
        sample = metrics.registry.get_sample_value
        route = {"route": "other"}
        assert sample("sse_message_loss_total", {**route, "seen_by": "server"}) == 5
        assert sample("sse_resumes_total", {**route, "outcome": "gap"}) == 1
        assert sample("sse_replayed_events_total", route) == 3
        assert sample("sse_replay_evicted_events_total", route) == 7
        assert sample("sse_replay_buffer_events", route) == 3

    run(main())


class ForgetfulStore(MemoryStore):
    """A store in which a stream goes between being found and being read."""

    async def read(self, stream_id: str, after: int) -> None:
        return None


def test_a_stream_that_goes_while_it_is_opened_is_404() -> None:
    """A sweep elsewhere is no exception here."""

    async def main() -> None:
        app = endpoint(store=ForgetfulStore(clock=now))
        query = await created(app)
        assert (await Visit(app, query=query).ended()).status == 404
        await app.aclose()

    run(main())
