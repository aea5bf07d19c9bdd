"""The stream contract, line by line, on a driven ASGI endpoint in virtual time."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware
from sse_observe.errors import SettingsError
from sse_observe.reference import MemoryStore, ReferenceApp, reference_app
from sse_observe.reference import app as app_module
from tests.support.virtual import Visit, now, run

CREATE = "/api/v1/streams"


class Script:
    """A producer that does what the test says, and remembers how it was called."""

    def __init__(self, *steps: str | float | Exception) -> None:
        self.steps = steps
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.closed = 0

    async def __call__(self, stream_id: str, params: Mapping[str, Any]) -> AsyncIterator[str]:
        """Yield texts, wait for numbers, raise what is to be raised."""
        self.calls.append((stream_id, params))
        try:
            for step in self.steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, str):
                    yield step
                else:
                    await asyncio.sleep(step)
        finally:
            self.closed += 1


def words(n: int, pause: float = 1.0) -> Script:
    """Return a producer of n events, one per pause."""
    steps: list[str | float | Exception] = []
    for i in range(n):
        steps += [f"w{i}", pause]
    return Script(*steps)


def endpoint(produce: Script | None = None, **options: Any) -> ReferenceApp:
    options.setdefault("store", MemoryStore(clock=now))
    return reference_app(produce=produce or words(5), unix_ms=lambda: int(now() * 1000), **options)


async def created(app: ReferenceApp, body: bytes = b"") -> str:
    """Create a stream by POST; return its URL's query."""
    visit = await Visit(app, CREATE, method="POST", body=body).ended()
    assert visit.status == 201
    return str(json.loads(visit.body)["url"]).partition("?")[2]


def kinds(visit: Visit) -> list[str]:
    return [event.type for event in visit.events]


# --- what a connection looks like ---------------------------------------------------------------


def test_the_headers_are_exactly_those_of_the_contract() -> None:
    """Nothing may buffer, cache or transform, and no Connection header breaks HTTP/2."""

    async def main() -> None:
        visit = await Visit(endpoint()).ended()

        assert visit.status == 200
        assert visit.headers == {
            "content-type": "text/event-stream",
            "cache-control": "no-cache, no-transform",
            "x-accel-buffering": "no",
        }

    run(main())


def test_headers_and_hello_do_not_wait_for_the_first_event() -> None:
    """A client learns at once that it is connected, however late the answer comes."""

    async def main() -> None:
        start = now()
        visit = await Visit(endpoint(Script(55.0, "late"))).until(lambda v: bool(v.events))

        assert visit.times[1] == start
        assert visit.hello["resumed_from"] is None
        assert visit.hello["lost"] == 0
        assert re.match(rb"retry: \d{3,5}\n", visit.body)
        assert visit.events[0].last_event_id == ""
        await visit.left()

    run(main())


def test_payload_has_dense_ids_and_no_event_field() -> None:
    """`onmessage` sees every payload, and ids count from 0 under one random epoch."""

    async def main() -> None:
        visit = await Visit(endpoint()).ended()
        epochs = {event_id.partition("-")[2] for event_id in visit.ids}

        assert visit.payloads == ["w0", "w1", "w2", "w3", "w4"]
        assert [int(i.partition("-")[0]) for i in visit.ids] == [0, 1, 2, 3, 4]
        assert len(epochs) == 1
        assert len(epochs.pop()) >= 16

    run(main())


def test_heartbeats_come_at_once_and_then_only_after_ten_seconds_of_silence() -> None:
    """A watchdog can start from the first one; a busy stream wastes no frame on more."""

    async def main() -> None:
        start = now()
        app = endpoint(Script(3.0, "a", 4.0, "b", 25.0, "c"))
        visit = await Visit(app).ended()
        beats = [
            (at - start, event)
            for message, at in zip(visit.messages[1:], visit.times[1:], strict=True)
            for event in _events(message["body"])
            if event.type == "heartbeat"
        ]

        assert [at for at, _ in beats] == [0, 17, 27]
        assert {event.last_event_id for _, event in beats} == {""}
        assert [json.loads(event.data) for _, event in beats] == [
            {"t": int((start + at) * 1000)} for at, _ in beats
        ]

    run(main())


def _events(body: bytes) -> Any:
    from sse_observe.wire import Scanner

    return Scanner().feed(body)


def test_a_heartbeat_keeps_the_cursor() -> None:
    """A block without an id leaves the reader's last event id where it was."""

    async def main() -> None:
        visit = await Visit(endpoint(Script("a", 15.0, "b"))).ended()
        after_payload = [e for e in visit.events if e.type == "heartbeat"][-1]

        assert after_payload.last_event_id == visit.ids[0]

    run(main())


def test_the_end_is_announced_and_the_response_completed() -> None:
    """`done` is the last event, without an id, inside a response that ends in order."""

    async def main() -> None:
        visit = await Visit(endpoint()).ended()

        assert kinds(visit)[-1] == "done"
        assert b"event: done\n" in visit.body
        assert visit.complete

    run(main())


# --- the end, asked again -----------------------------------------------------------------------


@pytest.mark.parametrize("way", ["header", "query", "seq"])
def test_a_finished_stream_asked_again_answers_204(way: str) -> None:
    """Who has everything is told to stay away; EventSource would reconnect for ever."""

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


def test_a_failed_stream_gives_its_tail_and_then_410(caplog: pytest.LogCaptureFixture) -> None:
    """A failure never looks like an end: no `done`, and a client that asks again stops."""

    async def main() -> None:
        app = endpoint(Script("a", 1.0, "b", ValueError("model fell over")))
        query = await created(app)
        first = await Visit(app, query=query).until(lambda v: v.payloads == ["a"])
        await first.ended()
        tail = await Visit(app, headers={"Last-Event-ID": first.ids[0]}).ended()
        again = await Visit(app, headers={"Last-Event-ID": first.ids[1]}).ended()

        assert first.payloads == ["a", "b"]
        assert "done" not in kinds(first) + kinds(tail)
        assert tail.payloads == ["b"]
        assert again.status == 410

    with caplog.at_level(logging.ERROR):
        run(main())
    assert "model fell over" in caplog.text
    assert len(caplog.records) == 1


# --- resuming -----------------------------------------------------------------------------------


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
    """The guide's client keeps `parseInt(lastEventId)`, which of our ids is the seq."""

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
        assert b"POST /api/v1/streams" in visit.body
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


def test_one_loss_is_counted_once_however_often_it_is_asked_for() -> None:
    """A flapping client or a second tab is told of the gap, and loses nothing anew."""

    async def main() -> None:
        metrics = SSEMetrics(CollectorRegistry())
        app = endpoint(words(10, pause=0.01), store=MemoryStore(max_events=3, clock=now))
        watched = SSEObserveMiddleware(app, metrics=metrics)
        query = await created(app)
        first = await Visit(watched, query=query).until(lambda v: len(v.payloads) == 2)
        await first.left()
        await asyncio.sleep(1)
        cursor = {"Last-Event-ID": first.ids[1]}
        again = [await Visit(watched, headers=cursor).ended() for _ in range(3)]
        late = await Visit(watched, query=query).ended()
        earlier = await Visit(watched, headers={"Last-Event-ID": first.ids[0]}).ended()

        assert [visit.hello["lost"] for visit in again] == [5, 5, 5]
        assert late.hello["lost"] == 7
        assert earlier.hello["lost"] == 6
        loss = {"route": "other", "seen_by": "server"}
        assert metrics.registry.get_sample_value("sse_message_loss_total", loss) == 5

    run(main())


def test_a_first_reader_that_comes_late_loses_what_is_gone() -> None:
    """Between POST and GET the buffer ran over: that is loss, and visible as such."""

    async def main() -> None:
        metrics = SSEMetrics(CollectorRegistry())
        app = endpoint(words(10, pause=0.01), store=MemoryStore(max_events=3, clock=now))
        watched = SSEObserveMiddleware(app, metrics=metrics)
        query = await created(app)
        await asyncio.sleep(1)
        visits = [await Visit(watched, query=query).ended() for _ in range(2)]

        assert [visit.hello["lost"] for visit in visits] == [7, 7]
        loss = {"route": "other", "seen_by": "server"}
        assert metrics.registry.get_sample_value("sse_message_loss_total", loss) == 7

    run(main())


# --- the producer and the store behind it -------------------------------------------------------


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
    """What belongs to the contract is not the producer's."""

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


def test_a_full_store_answers_503_with_a_delay() -> None:
    """What a stranger can start is bounded, and a client knows when to come again."""

    async def main() -> None:
        app = endpoint(words(9), store=MemoryStore(max_streams=2, clock=now))
        await created(app)
        await created(app)
        refused = await Visit(app, CREATE, method="POST").ended()
        also = await Visit(app).ended()

        assert (refused.status, also.status) == (503, 503)
        assert refused.headers["retry-after"] == "5"
        assert refused.headers["cache-control"] == "no-store"
        await app.aclose()

    run(main())


def test_connections_are_bounded() -> None:
    """One more than allowed is told to come later; the others go on."""

    async def main() -> None:
        app = endpoint(words(9), max_connections=1)
        query = await created(app)
        first = await Visit(app, query=query).until(lambda v: bool(v.payloads))

        assert (await Visit(app, query=query).ended()).status == 503
        assert (await first.ended()).complete
        assert (await Visit(app, query=query).ended()).status == 200

    run(main())


def test_streams_that_nobody_reads_are_swept_and_their_producers_stopped() -> None:
    """A reader keeps a stream alive for hours; without one it goes after the idle time."""

    async def main() -> None:
        script = words(100_000)
        app = endpoint(script)
        query = await created(app)
        reader = await Visit(app, query=query).until(lambda v: len(v.messages) > 4000)
        assert script.closed == 0
        await reader.left()
        await asyncio.sleep(700)

        assert script.closed == 1
        assert (await Visit(app, query=query).ended()).status == 404
        await asyncio.sleep(2)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


# --- readers that stop, and servers that end ----------------------------------------------------


def test_a_reader_that_takes_nothing_is_let_go() -> None:
    """After the send timeout the response is dropped and called what it was."""

    async def main() -> None:
        metrics = SSEMetrics(CollectorRegistry())
        watched = SSEObserveMiddleware(
            endpoint(words(100), send_timeout_seconds=7), metrics=metrics
        )
        visit = await Visit(watched).until(lambda v: len(v.payloads) == 2)
        stopped = now()
        visit.stop_reading()
        await visit.ended()

        assert now() - stopped == pytest.approx(8)
        assert not visit.complete
        assert _closed(metrics) == {"slow_consumer": 1}

    run(main())


def _closed(metrics: SSEMetrics) -> dict[str, int]:
    list(metrics.registry.collect())
    found: dict[str, int] = {}
    for family in metrics.registry.collect():
        for sample in family.samples:
            if sample.name == "sse_streams_closed_total" and sample.value:
                reason = sample.labels["reason"]
                found[reason] = found.get(reason, 0) + int(sample.value)
    return found


def test_a_reader_that_fell_off_the_buffer_is_told_by_its_next_hello() -> None:
    """What it could not take is no silent hole in mid-stream."""

    async def main() -> None:
        app = endpoint(words(50, pause=0.1), store=MemoryStore(max_events=5, clock=now))
        visit = await Visit(app).until(lambda v: len(v.payloads) == 2)
        visit.stop_reading()
        await asyncio.sleep(2)
        visit._reads.set()
        await visit.ended()
        again = await Visit(app, headers={"Last-Event-ID": visit.ids[-1]}).ended()
        seen = [*visit.ids, *again.ids]
        seqs = [int(i.partition("-")[0]) for i in seen]

        assert kinds(visit)[-1] == "message"
        assert again.hello["lost"] > 0
        assert len(seqs) + again.hello["lost"] == 50
        assert seqs == sorted(set(seqs))

    run(main())


def test_a_client_that_leaves_ends_its_response_and_nothing_else() -> None:
    """No last message is pretended, no task stays behind, the stream goes on."""

    async def main() -> None:
        app = endpoint(words(5))
        query = await created(app)
        tasks = len(asyncio.all_tasks())
        visit = await Visit(app, query=query).until(lambda v: bool(v.payloads))
        await visit.left()

        assert not visit.complete
        assert len(asyncio.all_tasks()) == tasks
        assert (await Visit(app, query=query).ended()).payloads[-1] == "w4"

    run(main())


def test_a_cancelled_response_leaves_no_task_behind() -> None:
    """A server that cancels gets its cancellation back, and the disconnect_watch goes with it."""

    async def main() -> None:
        app = endpoint(words(5))
        visit = await Visit(app).until(lambda v: bool(v.payloads))
        visit.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await visit.task
        await app.aclose()

        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_the_servers_end_ends_everything_in_order() -> None:
    """At lifespan shutdown responses are completed, producers cancelled, tasks gone."""

    async def main() -> None:
        script = words(100)
        app = endpoint(script)
        inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        outbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        life = asyncio.ensure_future(app({"type": "lifespan"}, inbox.get, outbox.put))
        await inbox.put({"type": "lifespan.startup"})
        assert await outbox.get() == {"type": "lifespan.startup.complete"}
        visit = await Visit(app).until(lambda v: bool(v.payloads))
        await inbox.put({"type": "lifespan.shutdown"})
        assert await outbox.get() == {"type": "lifespan.shutdown.complete"}
        await life
        await visit.ended()

        assert visit.complete
        assert "done" not in kinds(visit)
        assert script.closed == 1
        assert (await Visit(app).ended()).status == 503
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_a_leaving_server_lets_streams_go_on_for_the_drain_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Short answers finish, long ones end in order; the lifespan event would come too late."""

    async def main() -> None:
        metrics = SSEMetrics(CollectorRegistry())
        app = endpoint(words(100), drain_seconds=5)
        watched = SSEObserveMiddleware(app, metrics=metrics)
        visit = await Visit(watched).until(lambda v: len(v.payloads) == 3)
        asked = now()
        monkeypatch.setattr(app_module, "exiting", lambda: True)
        await visit.ended()

        assert 5 <= now() - asked <= 7
        assert visit.complete
        assert _closed(metrics) == {"shutdown": 1}

    run(main())


# --- polling ------------------------------------------------------------------------------------


def test_polling_gives_the_whole_answer_piece_by_piece() -> None:
    """Each poll is a closed answer with a length; the last one says `done`, then 204."""

    async def main() -> None:
        metrics = SSEMetrics(CollectorRegistry())
        app = SSEObserveMiddleware(endpoint(words(6)), metrics=metrics)
        query, got, statuses, answers = "mode=poll", [], [], []
        for _ in range(12):
            visit = await Visit(app, query=query).ended()
            statuses.append(visit.status)
            if visit.status == 204:
                break
            assert visit.headers["content-length"] == str(len(visit.body))
            assert visit.headers["content-type"] == "text/event-stream"
            assert visit.complete
            answers.append(visit)
            got += visit.payloads
            query = f"mode=poll&stream_id={visit.hello['stream']}"
            if visit.ids:
                cursor = visit.ids[-1]
            if got:
                query += f"&last_event_id={cursor}"
            await asyncio.sleep(1.5)

        assert got == [f"w{i}" for i in range(6)]
        assert kinds(answers[-1])[-1] == "done"
        assert statuses[-1] == 204
        closed = _closed(metrics)
        assert closed == {"polled": len(answers) - 1, "completed": 1}
        opened = {
            (sample.labels["start"]): sample.value
            for family in metrics.registry.collect()
            for sample in family.samples
            if sample.name == "sse_streams_opened_total" and sample.value
        }
        assert opened == {"resumed": len(answers)}
        faults = metrics.registry.get_sample_value(
            "sse_response_faults_total", {"route": "other", "fault": "content_length"}
        )
        assert not faults

    run(main())


# --- everything around streams ------------------------------------------------------------------


def test_post_creates_a_stream_and_says_where() -> None:
    """The URL carries the mount's prefix, so that it can be asked as it stands."""

    async def main() -> None:
        app = endpoint()
        visit = await Visit(app, CREATE, method="POST", root_path="/live").ended()
        answer = json.loads(visit.body)
        url = f"/live/api/v1/stream?stream_id={answer['stream_id']}"

        assert visit.status == 201
        assert answer["url"] == url
        assert visit.headers["location"] == url
        assert visit.headers["content-type"].startswith("application/json")
        assert len(answer["stream_id"]) >= 22
        again = await Visit(app, root_path="/live", query=url.partition("?")[2]).ended()
        assert again.hello["stream"] == answer["stream_id"]

    run(main())


def test_a_prefix_cannot_write_headers() -> None:
    """A mount's path parameter is the client's text; what it says is quoted."""

    async def main() -> None:
        app = endpoint()
        visit = await Visit(
            app, CREATE, method="POST", root_path="/a\r\nSet-Cookie: x\u00e9"
        ).ended()

        assert visit.status == 201
        assert visit.headers["location"].startswith("/a%0D%0ASet-Cookie%3A%20x%C3%A9/api/v1/")
        await app.aclose()

    run(main())


def test_a_websocket_is_closed_and_an_unfinished_body_refused() -> None:
    """What this endpoint does not speak ends at once, without an exception in the server."""

    async def main() -> None:
        app = endpoint()
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def hang_up() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        await app({"type": "websocket", "path": "/api/v1/stream"}, hang_up, send)
        post = {"type": "http", "method": "POST", "path": CREATE, "headers": []}
        await app(post, hang_up, send)

        assert sent[0] == {"type": "websocket.close", "code": 1000}
        assert sent[1]["status"] == 400

    run(main())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[1]", 400),
        (b'"text"', 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 5000, 400),
        (b"x" * 9000, 413),
        (b'{"a": 1}', 201),
        (b"", 201),
    ],
)
def test_parameters_are_one_small_json_object(body: bytes, status: int) -> None:
    """Anything else is refused in one line, and no producer starts."""

    async def main() -> None:
        script = words(1)
        app = endpoint(script)
        visit = await Visit(app, CREATE, method="POST", body=body).ended()
        await asyncio.sleep(0)

        assert visit.status == status
        assert visit.body.count(b"\n") <= 1
        assert len(script.calls) == (status == 201)
        await app.aclose()

    run(main())


def test_a_body_that_never_ends_is_not_waited_for() -> None:
    """Ten seconds for some kilobytes, then the request is let go."""

    async def main() -> None:
        app = endpoint()
        sent: list[dict[str, Any]] = []

        async def trickle() -> dict[str, Any]:
            await asyncio.sleep(3)
            return {"type": "http.request", "body": b" ", "more_body": True}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": CREATE, "headers": []}
        await app(scope, trickle, send)

        assert sent[0]["status"] == 408

    run(main())


@pytest.mark.parametrize(
    ("method", "path", "query", "status", "allow"),
    [
        ("HEAD", "/api/v1/stream", "", 200, None),
        ("HEAD", "/api/v1/stream", "stream_id=nope", 404, None),
        ("OPTIONS", "/api/v1/stream", "", 204, "GET, HEAD, OPTIONS"),
        ("OPTIONS", CREATE, "", 204, "POST, OPTIONS"),
        ("PUT", "/api/v1/stream", "", 405, "GET, HEAD, OPTIONS"),
        ("POST", "/api/v1/stream", "", 405, "GET, HEAD, OPTIONS"),
        ("GET", CREATE, "", 405, "POST, OPTIONS"),
        ("GET", "/", "", 404, None),
        ("GET", "/api/v1/stream/", "", 404, None),
        ("GET", "/api/v1/stream", "a=1&" * 60, 400, None),
        ("GET", "/api/v1/stream", "a=" + "x" * 9000, 413, None),
    ],
)
def test_other_requests_get_a_quick_plain_answer(
    method: str, path: str, query: str, status: int, allow: str | None
) -> None:
    """Load balancers and strangers hold no stream open and start no producer."""

    async def main() -> None:
        script = words(1)
        visit = await Visit(endpoint(script), path, method=method, query=query).ended()

        assert visit.status == status
        assert visit.headers.get("allow") == allow
        assert visit.complete
        assert script.calls == []
        if method == "HEAD" and status == 200:
            assert visit.headers["content-type"] == "text/event-stream"
            assert visit.body == b""

    run(main())


@pytest.mark.parametrize(
    "options",
    [
        {"heartbeat_seconds": 0},
        {"send_timeout_seconds": -1},
        {"drain_seconds": -1},
        {"max_connections": 0},
        {"max_params_bytes": 0},
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_by_its_name(options: dict[str, Any]) -> None:
    """One line at start, not a stream that never beats."""
    with pytest.raises(SettingsError, match=next(iter(options))):
        reference_app(**options)


async def coroutine(stream_id: str, params: Mapping[str, Any]) -> str:
    return "text"


@pytest.mark.parametrize("produce", ["text", coroutine])
def test_a_producer_of_the_wrong_kind_is_refused_at_once(produce: Any) -> None:
    """A coroutine that returns is the likely mistake; the message shows what is wanted."""
    with pytest.raises(SettingsError, match="yield text"):
        reference_app(produce=produce)


def test_a_producer_that_gives_no_iterator_fails_its_stream_in_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What cannot be seen at the start is named in the log."""

    async def main() -> None:
        produce: Any = lambda stream_id, params: ["text"]  # noqa: E731
        visit = await Visit(reference_app(produce=produce)).ended()
        assert "done" not in kinds(visit)

    with caplog.at_level(logging.ERROR):
        run(main())
    assert "async generator function" in caplog.text


# --- nothing lost, nothing doubled --------------------------------------------------------------


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


class SlowStore(MemoryStore):
    """A store behind a network: every call lets others run before and after it."""

    def __init__(self, pauses: list[int], **options: Any) -> None:
        super().__init__(clock=now, **options)
        self._pauses = pauses
        self._calls = 0

    async def _pause(self) -> None:
        self._calls += 1
        for _ in range(self._pauses[self._calls % len(self._pauses)]):
            await asyncio.sleep(0)

    async def append(self, stream_id: str, frame: bytes) -> int:
        await self._pause()
        evicted = await super().append(stream_id, frame)
        await self._pause()
        return evicted

    async def read(self, stream_id: str, after: int) -> Any:
        await self._pause()
        page = await super().read(stream_id, after)
        await self._pause()
        return page


@settings(max_examples=150)
@given(
    total=st.integers(1, 30),
    bursts=st.lists(st.integers(0, 3), min_size=1, max_size=8),
    pauses=st.lists(st.integers(0, 4), min_size=1, max_size=7),
    lives=st.lists(st.integers(0, 12), max_size=8),
    bound=st.sampled_from([2, 5, 100]),
)
def test_publishing_during_a_resume_loses_and_doubles_nothing(
    total: int, bursts: list[int], pauses: list[int], lives: list[int], bound: int
) -> None:
    """Whatever the interleaving: each event arrives once, in order, or is announced as lost."""

    async def main() -> None:
        async def produce(stream_id: str, params: Mapping[str, Any]) -> AsyncIterator[str]:
            for i in range(total):
                for _ in range(bursts[i % len(bursts)]):
                    await asyncio.sleep(0)
                yield f"w{i}"

        app = reference_app(produce=produce, store=SlowStore(pauses, max_events=bound))
        stream = await app.create()
        last = -1
        cursor: dict[str, str] = {}
        ended = False
        for life in [*lives, *[None] * (total + 1)]:
            visit = Visit(app, query=f"stream_id={stream.id}", headers=cursor)
            for _ in range(life or 0):
                await asyncio.sleep(0)
            await (visit.ended() if life is None else visit.left())
            if visit.messages and visit.status == 204:
                ended = True
            if not visit.body:
                continue
            seqs = [int(i.partition("-")[0]) for i in visit.ids]
            lost = visit.hello["lost"]
            assert bound < 100 or lost == 0
            if seqs:
                # Exactly what follows the cursor, but for what hello said is gone.
                first = last + 1 + lost
                assert seqs == list(range(first, first + len(seqs)))
                last = seqs[-1]
                cursor = {"Last-Event-ID": visit.ids[-1]}
            ended = ended or kinds(visit)[-1] == "done"

        assert ended
        assert last == total - 1
        await app.aclose()

    run(main())
