"""One open response, line by line: what it says, when, and how it ends."""

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
from sse_observe.reference import MemoryStore, Write, Written, reference_app
from sse_observe.wire import Scanner
from tests.support.scripted_endpoint import (
    Script,
    closed_by_reason,
    created,
    endpoint,
    kinds,
    words,
)
from tests.support.virtual import Visit, now, run


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
        assert closed_by_reason(metrics) == {"slow_consumer": 1}

    run(main())


def test_a_reader_that_fell_off_the_buffer_is_told_by_its_next_hello() -> None:
    """Events that it could not take are no silent hole in mid-stream."""

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


class SlowStore(MemoryStore):
    """A store behind a network: every call lets others run before and after it."""

    in_process = False

    def __init__(self, pauses: list[int], **options: Any) -> None:
        super().__init__(clock=now, **options)
        self._pauses = pauses
        self._calls = 0

    async def _pause(self) -> None:
        self._calls += 1
        for _ in range(self._pauses[self._calls % len(self._pauses)]):
            await asyncio.sleep(0)

    async def write(self, stream_id: str, write: Write) -> Written:
        await self._pause()
        written = await super().write(stream_id, write)
        await self._pause()
        return written

    async def read(self, stream_id: str, after: int, *, touch: bool = True) -> Any:
        await self._pause()
        backlog = await super().read(stream_id, after, touch=touch)
        await self._pause()
        return backlog


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
    """In every interleaving each event arrives once, in order, or is announced as lost."""

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
