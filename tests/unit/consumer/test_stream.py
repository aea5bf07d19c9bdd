"""A consumer against a scripted server in virtual time: what it asks, yields, waits and counts."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics
from sse_observe.consumer import Event, Gap, Response, StreamFailedError, resume_stream
from sse_observe.consumer.backoff import Backoff
from sse_observe.consumer.sequence import Order
from sse_observe.errors import MissingExtraError, SettingsError
from sse_observe.wire import encode
from tests.support.virtual import now, run

EPOCH = "abcdefghijklmnop"
URL = "http://server.test/api/v1/stream"
DONE = encode("{}", event="done")


def hello(**fields: Any) -> bytes:
    known = {"stream": None, "resumed_from": None, "replayed": 0, "lost": 0}
    return encode(json.dumps({**known, **fields}), event="sse.hello")


def payload(seq: int, epoch: str = EPOCH) -> bytes:
    return encode(f"w{seq}", id=f"{seq}-{epoch}")


def beat(at_ms: int | None = None) -> bytes:
    return encode(json.dumps({"t": at_ms}), event="heartbeat")


class Answer:
    """One scripted answer: bytes to give, seconds to wait, errors to raise, then its end."""

    def __init__(
        self,
        *steps: bytes | float | Exception,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        after: float = 0,
    ) -> None:
        self.steps = steps
        self.status = status
        self.headers = {"content-type": "text/event-stream", **(headers or {})}
        self.after = after


HANG = 1e6


class Server:
    """Answers in the order of its script; the last one for ever. Remembers what was asked."""

    def __init__(self, *script: Answer | Exception) -> None:
        self.script = script
        self.asked: list[tuple[float, str, dict[str, str]]] = []
        self.open = 0

    @asynccontextmanager
    async def __call__(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[Response]:
        answer = self.script[min(len(self.asked), len(self.script) - 1)]
        self.asked.append((now(), url, dict(headers)))
        if isinstance(answer, Exception):
            raise answer
        await asyncio.sleep(answer.after)
        self.open += 1
        try:
            yield Response(answer.status, answer.headers, self._chunks(answer))
        finally:
            self.open -= 1

    async def _chunks(self, answer: Answer) -> AsyncIterator[bytes]:
        for step in answer.steps:
            if isinstance(step, bytes):
                yield step
            elif isinstance(step, Exception):
                raise step
            else:
                await asyncio.sleep(step)

    @property
    def cursors(self) -> list[str | None]:
        """The Last-Event-ID of each request."""
        return [headers.get("Last-Event-ID") for _, _, headers in self.asked]

    @property
    def waits(self) -> list[float]:
        """The time between one request and the next."""
        times = [at for at, _, _ in self.asked]
        return [round(b - a, 6) for a, b in itertools.pairwise(times)]


class Reading:
    """What one consumer got of a scripted server."""

    def __init__(self, server: Server, url: str = URL, **options: Any) -> None:
        self.registry = CollectorRegistry()
        self.statuses: list[tuple[str, int]] = []
        self.server = server
        options.setdefault("on_status", lambda *said: self.statuses.append(said))
        self.stream = resume_stream(
            url,
            route="/stream",
            metrics=SSEMetrics(self.registry),
            transport=server,
            clock=now,
            random=lambda: 0.5,
            **options,
        )
        self.items: list[Event | Gap] = []

    async def all(self) -> "Reading":
        async for item in self.stream:
            self.items.append(item)
        return self

    @property
    def got(self) -> list[Any]:
        """The payload texts, and the gaps between them."""
        return [item.data if isinstance(item, Event) else item for item in self.items]

    def count(self, name: str, **labels: str) -> float:
        """The sum of a family's samples that carry these labels."""
        return sum(
            sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == name
            and sample.labels.get("route") == "/stream"
            and labels.items() <= sample.labels.items()
        )


def words(*seqs: int) -> list[str]:
    return [f"w{seq}" for seq in seqs]


# --- one stream, whole --------------------------------------------------------------------------


def test_a_stream_is_read_to_its_done() -> None:
    """Payload is yielded, the contract's own events are not, and the end is the end."""

    async def main() -> None:
        reading = await Reading(
            Server(Answer(hello() + beat(), payload(0), beat(), payload(1), DONE))
        ).all()

        assert reading.items == [
            Event("message", "w0", f"0-{EPOCH}"),
            Event("message", "w1", f"1-{EPOCH}"),
        ]
        assert reading.stream.cursor == f"1-{EPOCH}"
        assert reading.server.open == 0
        assert reading.count("sse_client_streams_total", outcome="completed") == 1
        assert reading.count("sse_client_events_received_total") == 2
        assert [name for name, _ in reading.statuses] == ["connecting", "live", "complete"]

    run(main())


def test_the_request_is_that_of_an_event_source() -> None:
    """It asks for an event stream, uncached and uncompressed, with the caller's headers too."""

    async def main() -> None:
        server = Server(Answer(DONE))
        await Reading(server, headers={"Authorization": "Bearer x"}, network_type="3g").all()
        _, url, headers = server.asked[0]

        assert headers == {
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",
            "Cache-Control": "no-store",
            "Authorization": "Bearer x",
        }
        assert url == f"{URL}?network_type=3g"

    run(main())


def test_a_payload_that_is_the_word_done_ends_nothing() -> None:
    """Only the event of that name does, or the customary `[DONE]` as data."""

    async def main() -> None:
        reading = await Reading(Server(Answer(encode("done"), encode("[DONE]"), payload(9)))).all()

        assert reading.got == ["done"]
        assert reading.count("sse_client_streams_total", outcome="completed") == 1

    run(main())


# --- resuming -----------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [ConnectionResetError("reset"), 0.0], ids=["error", "eof"])
def test_a_lost_connection_is_resumed_from_the_cursor(loss: Any) -> None:
    """The end of a connection is not the end of the stream; the next asks for the rest."""

    async def main() -> None:
        server = Server(
            Answer(hello(), payload(0), payload(1), loss),
            Answer(hello(resumed_from=f"1-{EPOCH}", replayed=1), payload(2), DONE, after=0.25),
        )
        reading = await Reading(server).all()

        assert reading.got == words(0, 1, 2)
        assert server.cursors == [None, f"1-{EPOCH}"]
        assert reading.count("sse_reconnect_time_seconds_count") == 1
        assert reading.count("sse_reconnect_time_seconds_sum") == pytest.approx(1.25)

    run(main())


def test_what_comes_twice_is_given_once() -> None:
    """A replay from before the cursor is dropped by the high-water mark, and counted."""

    async def main() -> None:
        server = Server(
            Answer(hello(), payload(0), payload(1), payload(2)),
            Answer(hello(), payload(0), payload(1), payload(2), payload(3), DONE),
        )
        reading = await Reading(server).all()

        assert reading.got == words(0, 1, 2, 3)
        assert reading.count("sse_duplicate_events_total", seen_by="client") == 3
        assert reading.count("sse_client_events_received_total") == 7
        assert reading.count("sse_message_loss_total", seen_by="client") == 0

    run(main())


def test_an_announced_gap_is_given_out_and_not_counted_again() -> None:
    """The server counted it already; the caller learns where it is."""

    async def main() -> None:
        server = Server(
            Answer(hello(), payload(0)),
            Answer(hello(resumed_from=f"0-{EPOCH}", lost=4), payload(5), DONE),
        )
        reading = await Reading(server).all()

        assert reading.got == ["w0", Gap(4, announced=True), "w5"]
        assert reading.count("sse_message_loss_total") == 0

    run(main())


def test_a_gap_at_the_very_end_is_given_out_too() -> None:
    """Nothing follows that would show it, so the end must."""

    async def main() -> None:
        server = Server(
            Answer(hello(), payload(0)),
            Answer(hello(resumed_from=f"0-{EPOCH}", lost=4), DONE),
        )

        assert (await Reading(server).all()).got == ["w0", Gap(4, announced=True)]

    run(main())


def test_a_silent_gap_is_counted_as_loss() -> None:
    """Dense ids show what no greeting announced."""

    async def main() -> None:
        server = Server(
            Answer(hello(), payload(0)),
            Answer(hello(resumed_from=f"0-{EPOCH}", lost=1), payload(4), DONE),
        )
        reading = await Reading(server).all()

        assert reading.got == ["w0", Gap(3, announced=False), "w4"]
        assert reading.count("sse_message_loss_total", seen_by="client") == 2

    run(main())


def test_the_mark_of_one_stream_is_never_used_on_another() -> None:
    """A new epoch begins at its own 0: nothing of it is taken for a repetition."""

    async def main() -> None:
        other = "ponmlkjihgfedcba"
        server = Server(
            Answer(hello(), payload(0), payload(7)),
            Answer(hello(), payload(0, other), payload(1, other), 0.0),
            Answer(hello(resumed_from=f"1-{other}"), payload(2, other), DONE),
        )
        reading = await Reading(server).all()
        gap = Gap(None, announced=True)

        assert reading.got == ["w0", Gap(6, announced=False), "w7", gap, "w0", "w1", "w2"]
        assert server.cursors == [None, f"7-{EPOCH}", f"1-{other}"]

    run(main())


def test_a_stream_that_began_without_payload_is_asked_for_by_name() -> None:
    """Otherwise the server would begin a second one; if it is gone, a fresh one will do."""

    async def main() -> None:
        server = Server(
            Answer(hello(stream="s1"), 1.0),
            Answer(status=404),
            Answer(hello(stream="s2"), payload(0), DONE),
        )
        reading = await Reading(server, f"{URL}?q=1").all()
        urls = [url for _, url, _ in server.asked]

        assert reading.got == words(0)
        assert urls == [f"{URL}?q=1", f"{URL}?q=1&stream_id=s1", f"{URL}?q=1"]
        assert server.cursors == [None, "-1", None]

    run(main())


def test_foreign_ids_are_compared_never_counted() -> None:
    """Ids of a Redis stream look like `<number>-<number>`: no hole between them is a loss."""

    async def main() -> None:
        def entry(n: int) -> bytes:
            return encode(f"e{n}", id=f"{1_700_000_000_000 + 50 * n}-0")

        server = Server(
            Answer(hello(), entry(0), entry(1), encode("x", event="usage")),
            Answer(hello(), entry(1), entry(2), DONE),
        )
        reading = await Reading(server).all()

        assert reading.got == ["e0", "e1", "x", "e2"]
        assert reading.count("sse_duplicate_events_total") == 1
        assert reading.count("sse_message_loss_total") == 0

    run(main())


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), min_size=1, max_size=8))
def test_given_out_and_missing_always_add_up(connections: list[tuple[int, int]]) -> None:
    """Whatever a server repeats or skips: each event once, in order, and every hole named."""
    order = Order()
    given_out: list[int] = []
    gaps = doubles = sent = 0
    for start, count in connections:
        order.connected()
        order.greeted({"lost": 0, "resumed_from": order.cursor or None})
        for seq in range(start, start + count):
            sent += 1
            verdict = order.judge(Event("message", "", f"{seq}-{EPOCH}"))
            gaps += verdict.unannounced
            if verdict.duplicate:
                doubles += 1
            else:
                given_out.append(seq)

    assert given_out == sorted(set(given_out))
    assert len(given_out) + doubles == sent
    assert len(given_out) + gaps == (given_out[-1] + 1 if given_out else 0)


# --- when to ask again --------------------------------------------------------------------------


def test_delays_double_up_to_thirty_seconds_and_never_give_up() -> None:
    """1, 2, 4, 8, 16, 30, 30 …: a deploy, a lift or a tunnel is no reason to fail."""

    async def main() -> None:
        refused = [ConnectionRefusedError("refused")] * 9
        reading = await Reading(Server(*refused, Answer(payload(0), DONE))).all()

        assert reading.server.waits == [1, 2, 4, 8, 16, 30, 30, 30, 30]
        assert reading.got == words(0)
        assert ("reconnecting", 9) in reading.statuses

    run(main())


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 2000), st.floats(0, 400))
def test_jitter_spreads_by_half_and_never_undercuts_the_server(
    dice: float, attempts: int, floor: float
) -> None:
    """0.5 to 1.5 of the step, and whoever was told to wait waits at least so long."""
    backoff = Backoff(lambda: dice)
    for _ in range(attempts - 1):
        backoff.next()
    step = min(2 ** (min(attempts, 9) - 1), 30)

    assert 0.5 * step <= backoff.next() <= 1.5 * step
    backoff.floor(floor)
    delay = backoff.next()
    assert delay >= min(floor, 300)
    assert delay <= max(45, 1.5 * 300)


def test_retry_is_a_floor_and_retry_after_is_obeyed() -> None:
    """The stream's own delay and an overloaded server's are both kept."""

    async def main() -> None:
        server = Server(
            Answer(encode(retry=7000), payload(0)),
            Answer(status=503, headers={"retry-after": "60"}),
            Answer(status=429, headers={"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}),
            Answer(DONE),
        )
        await Reading(server).all()

        assert server.waits == [7 * 1.25, 60 * 1.25, 7 * 1.25]

    run(main())


def test_only_a_healthy_connection_resets_the_delay() -> None:
    """A server that accepts and drops is not asked every second for ever."""

    async def main() -> None:
        brief = Answer(hello(), payload(0))
        healthy = Answer(hello(), 11.0, payload(0))
        mute = Answer(11.0)
        server = Server(brief, brief, brief, healthy, mute, brief, Answer(DONE))
        await Reading(server).all()

        assert server.waits == [1, 2, 4, 11 + 1, 11 + 2, 4]

    run(main())


def test_a_timeout_of_the_transport_is_a_lost_connection() -> None:
    """A library's own limit ends the connection, not the stream, and is no stall."""

    async def main() -> None:
        server = Server(
            Answer(hello(), payload(0), TimeoutError("read")),
            TimeoutError("connect"),
            Answer(payload(1), DONE),
        )
        reading = await Reading(server).all()

        assert reading.got == words(0, 1)
        assert reading.count("sse_stall_detections_total") == 0

    run(main())


@pytest.mark.parametrize("junk", ["[]", "{", "null", '{"lost": true, "stream": 7}', "[" * 9999])
def test_a_broken_greeting_or_heartbeat_is_harmless(junk: str) -> None:
    """What a foreign server writes under our names is read with care, or not at all."""

    async def main() -> None:
        odd = encode(junk, event="sse.hello") + encode(junk, event="heartbeat")
        reading = await Reading(Server(Answer(odd, payload(0), DONE))).all()

        assert reading.got == words(0)
        assert reading.count("sse_event_delay_seconds_count") == 0

    run(main())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 422, 301, 205])
def test_an_answer_that_will_not_change_is_final(status: int) -> None:
    """Asking again would only be noise; one line says where and what."""

    async def main() -> None:
        reading = Reading(Server(Answer(status=status)), f"{URL}?secret=1")
        with pytest.raises(StreamFailedError, match=str(status)) as failure:
            await reading.all()

        assert "secret" not in str(failure.value)
        assert len(reading.server.asked) == 1
        assert reading.stream.status == "failed"
        assert reading.count("sse_client_streams_total", outcome="failed") == 1

    run(main())


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_an_answer_that_may_change_is_asked_for_again(status: int) -> None:
    """Overload, a deploy and a timeout pass."""

    async def main() -> None:
        reading = await Reading(Server(Answer(status=status), Answer(payload(0), DONE))).all()

        assert reading.got == words(0)

    run(main())


def test_no_content_is_the_end() -> None:
    """204 means: everything was said, do not come back."""

    async def main() -> None:
        reading = await Reading(Server(Answer(hello(), payload(0)), Answer(status=204))).all()

        assert reading.got == words(0)
        assert reading.count("sse_client_streams_total", outcome="completed") == 1

    run(main())


def test_another_content_type_is_final() -> None:
    """A login page with status 200 is not a stream."""

    async def main() -> None:
        page = Answer(b"<html>", headers={"content-type": "text/html"})
        with pytest.raises(StreamFailedError, match="text/html"):
            await Reading(Server(page)).all()

    run(main())


def test_an_event_without_end_is_refused() -> None:
    """A server cannot fill the consumer's memory."""

    async def main() -> None:
        flood = Answer(*[b"data: " + b"x" * 1_000_000] * 9)
        with pytest.raises(StreamFailedError, match="larger than"):
            await Reading(Server(flood)).all()

    run(main())


def test_max_retries_bounds_the_attempts_in_a_row() -> None:
    """Whoever sets it gets an error that says how often and why."""

    async def main() -> None:
        reading = Reading(Server(ConnectionRefusedError("refused")), max_retries=3)
        with pytest.raises(StreamFailedError, match="3 attempts; refused"):
            await reading.all()

        assert len(reading.server.asked) == 4

    run(main())


# --- silence ------------------------------------------------------------------------------------


def test_silence_is_a_stall_after_two_and_a_half_heartbeats() -> None:
    """The limit follows what the server announces; recovery is timed from the stall."""

    async def main() -> None:
        server = Server(
            Answer(hello(heartbeat_seconds=4), payload(0), HANG),
            Answer(hello(resumed_from=f"0-{EPOCH}"), payload(1), DONE, after=0.5),
        )
        reading = await Reading(server).all()

        assert reading.got == words(0, 1)
        assert server.waits == [10 + 1]
        assert reading.count("sse_stall_detections_total", seen_by="client") == 1
        assert reading.count("sse_stall_recovery_seconds_sum") == pytest.approx(1.5)
        assert [name for name, _ in reading.statuses] == [
            *("connecting", "live", "waiting", "reconnecting", "live", "complete"),
        ]
        assert reading.count("sse_ui_messages_shown_total", message="waiting") == 1

    run(main())


def test_any_byte_keeps_a_stream_alive() -> None:
    """A comment is enough: the line is warm, whatever the application does."""

    async def main() -> None:
        pings = [step for _ in range(20) for step in (20.0, b": ping\n\n")]
        reading = await Reading(Server(Answer(payload(0), *pings, payload(1), DONE))).all()

        assert len(reading.server.asked) == 1
        assert reading.count("sse_stall_detections_total") == 0

    run(main())


def test_without_an_announced_heartbeat_the_limit_is_thirty_seconds() -> None:
    """The guide's number, and `stall_seconds` where the caller knows better."""

    async def main() -> None:
        first = await Reading(Server(Answer(payload(0), HANG), Answer(DONE))).all()
        second = await Reading(
            Server(Answer(hello(heartbeat_seconds=1), HANG), Answer(DONE)), stall_seconds=5
        ).all()

        assert first.server.waits == [31]
        assert second.server.waits == [6]

    run(main())


def test_a_machine_that_slept_sees_no_stall() -> None:
    """Where the alarm itself comes late, the server is not to blame; the line is opened anew."""

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()

        class Nap(Server):
            async def _chunks(self, answer: Answer) -> AsyncIterator[bytes]:
                async for chunk in super()._chunks(answer):
                    yield chunk
                if len(self.asked) == 1:
                    loop.call_later(1, lambda: setattr(loop.leap, "now", now() + 3600))
                    await asyncio.sleep(HANG)

        server = Nap(Answer(payload(0)), Answer(hello(), payload(1), DONE))
        reading = await Reading(server).all()

        assert reading.got == words(0, 1)
        assert reading.count("sse_stall_detections_total") == 0

    run(main())


def test_a_server_that_accepts_and_says_nothing_is_left() -> None:
    """Headers that never come are a failed attempt, not a wait without end."""

    async def main() -> None:
        server = Server(Answer(after=HANG), Answer(DONE))
        reading = await Reading(server, connect_seconds=3).all()

        assert server.waits == [3 + 1]
        assert reading.count("sse_stall_detections_total") == 0

    run(main())


def test_a_slow_caller_is_no_stall() -> None:
    """The clock of silence stands while the caller works on an event."""

    async def main() -> None:
        reading = Reading(Server(Answer(payload(0), payload(1), DONE)))
        async for item in reading.stream:
            reading.items.append(item)
            await asyncio.sleep(500)

        assert reading.got == words(0, 1)
        assert len(reading.server.asked) == 1

    run(main())


def test_delay_is_what_comes_on_top_of_the_best() -> None:
    """No clock is trusted: a server an hour off with steady beats shows no delay."""

    async def main() -> None:
        hour = 3_600_000
        server = Server(
            Answer(
                hello(server_time=hour),
                beat(hour),
                10.0,
                beat(hour + 10_000),
                13.0,
                beat(hour + 20_000),
                DONE,
            )
        )
        reading = await Reading(server).all()

        assert reading.count("sse_event_delay_seconds_count") == 3
        assert reading.count("sse_event_delay_seconds_sum") == pytest.approx(3)

    run(main())


# --- stopping -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        (Answer(payload(0), HANG),),
        (Answer(payload(0)), Answer(after=HANG)),
        (Answer(payload(0)), ConnectionRefusedError("refused")),
    ],
    ids=["reading", "connecting", "waiting"],
)
def test_close_ends_whatever_it_is_doing(script: Any) -> None:
    """No reconnect comes later, no connection and no task stays."""

    async def main() -> None:
        server = Server(*script)
        reading = Reading(server, connect_seconds=HANG, stall_seconds=HANG)
        task = asyncio.ensure_future(reading.all())
        await asyncio.sleep(1.5)
        reading.stream.close()
        await task
        asked = len(server.asked)
        await asyncio.sleep(200)

        assert reading.got == words(0)
        assert len(server.asked) == asked
        assert server.open == 0
        assert reading.count("sse_client_streams_total", outcome="cancelled") == 1
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_aclose_from_another_task_ends_the_reader() -> None:
    """The task that reads gets its end; the one that closes need not wait for it."""

    async def main() -> None:
        reading = Reading(Server(Answer(payload(0), HANG)), stall_seconds=HANG)
        task = asyncio.ensure_future(reading.all())
        await asyncio.sleep(1)
        await reading.stream.aclose()
        await task

        assert reading.got == words(0)
        assert reading.server.open == 0

    run(main())


def test_leaving_the_loop_closes_the_connection() -> None:
    """`async with` ends what a `break` leaves open, and says once that it was cancelled."""

    async def main() -> None:
        reading = Reading(Server(Answer(payload(0), payload(1), HANG)))
        async with reading.stream as stream:
            async for item in stream:
                assert item == Event("message", "w0", f"0-{EPOCH}")
                break
            assert reading.server.open == 1
        await reading.stream.aclose()

        assert reading.server.open == 0
        assert reading.count("sse_client_streams_total", outcome="cancelled") == 1
        with pytest.raises(StopAsyncIteration):
            await anext(reading.stream)

    run(main())


def test_a_cancelled_task_takes_its_connection_with_it() -> None:
    """Cancellation passes through unchanged."""

    async def main() -> None:
        reading = Reading(Server(Answer(payload(0), HANG)))
        task = asyncio.ensure_future(reading.all())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert reading.server.open == 0
        assert reading.count("sse_client_streams_total", outcome="cancelled") == 1

    run(main())


def test_who_never_connected_left_no_stream_behind() -> None:
    """Cancelled is counted only for what was open once: the server knows nothing of the rest."""

    async def main() -> None:
        reading = Reading(Server(ConnectionRefusedError("refused")))
        task = asyncio.ensure_future(reading.all())
        await asyncio.sleep(5)
        reading.stream.close()
        await task

        assert reading.count("sse_client_streams_total") == 0

    run(main())


def test_nobody_is_shown_anything_where_nobody_looks() -> None:
    """A service without `on_status` reports no messages to users."""

    async def main() -> None:
        reading = await Reading(Server(Answer(payload(0), DONE)), on_status=None).all()

        assert reading.count("sse_ui_messages_shown_total") == 0
        assert reading.stream.status == "complete"

    run(main())


# --- wrong use ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "options", "names"),
    [
        ("server.test/stream", {}, "http://"),
        ("ftp://server.test/", {}, "http://"),
        (URL, {"stall_seconds": 0}, "stall_seconds"),
        (URL, {"connect_seconds": -1}, "connect_seconds"),
        (URL, {"network_type": "wifi"}, "network_type"),
    ],
)
def test_wrong_options_are_refused_at_once(url: str, options: dict[str, Any], names: str) -> None:
    """One line that names the option, before anything is asked."""
    with pytest.raises(SettingsError, match=names):
        resume_stream(url, metrics=SSEMetrics(CollectorRegistry()), **options)


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base install imports the module; only reading a stream needs more."""
    monkeypatch.setitem(__import__("sys").modules, "aiohttp", None)

    with pytest.raises(MissingExtraError, match=r"sse-observe\[client\]"):
        resume_stream(URL, metrics=SSEMetrics(CollectorRegistry()))
