"""A consumer against a scripted server in virtual time: a stream is read to its end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics
from sse_observe.consumer import Event, StreamFailedError, resume_stream
from sse_observe.errors import SettingsError
from sse_observe.wire import encode
from tests.support.scripted_server import (
    DONE,
    EPOCH,
    HANG,
    URL,
    Answer,
    Reading,
    Server,
    beat,
    hello,
    payload,
    words,
)
from tests.support.virtual import now, run


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


def test_a_payload_that_is_the_word_done_ends_nothing() -> None:
    """Only the event of that name does, or the customary `[DONE]` as data."""

    async def main() -> None:
        reading = await Reading(Server(Answer(encode("done"), encode("[DONE]"), payload(9)))).all()

        assert reading.got == ["done"]
        assert reading.count("sse_client_streams_total", outcome="completed") == 1

    run(main())


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
def test_a_wrong_greeting_or_heartbeat_is_harmless(junk: str) -> None:
    """Events of a foreign server under our names are read with care, or not at all."""

    async def main() -> None:
        wrong = encode(junk, event="sse.hello") + encode(junk, event="heartbeat")
        reading = await Reading(Server(Answer(wrong, payload(0), DONE))).all()

        assert reading.got == words(0)
        assert reading.count("sse_event_delay_seconds_count") == 0

    run(main())


def test_an_event_without_end_is_refused() -> None:
    """A server cannot fill the consumer's memory."""

    async def main() -> None:
        flood = Answer(*[b"data: " + b"x" * 1_000_000] * 9)
        with pytest.raises(StreamFailedError, match="larger than"):
            await Reading(Server(flood)).all()

    run(main())


def test_max_retries_bounds_the_attempts_in_a_row() -> None:
    """A caller that sets it gets an error that says how often and why."""

    async def main() -> None:
        reading = Reading(Server(ConnectionRefusedError("refused")), max_retries=3)
        with pytest.raises(StreamFailedError, match="3 attempts; refused"):
            await reading.all()

        assert len(reading.server.asked) == 4

    run(main())


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
    """Three heartbeats of the usual ten seconds, unless the caller knows better."""

    async def main() -> None:
        first = await Reading(Server(Answer(payload(0), HANG), Answer(DONE))).all()
        second = await Reading(
            Server(Answer(hello(heartbeat_seconds=1), HANG), Answer(DONE)), stall_seconds=5
        ).all()

        assert first.server.waits == [31]
        assert second.server.waits == [6]

    run(main())


def test_a_machine_that_slept_sees_no_stall() -> None:
    """If the alarm itself comes late, the server is not to blame; the line is opened anew."""

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
