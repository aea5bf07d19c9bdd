"""A consumer against a scripted server in virtual time: a stream is read to its end."""

import json
import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.consumer import Event, StreamFailedError
from sse_observe.wire import encode
from tests.support.scripted_server import (
    DONE,
    EPOCH,
    URL,
    Answer,
    Reading,
    Server,
    beat,
    hello,
    payload,
    words,
)
from tests.support.virtual import run


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


def test_an_event_without_end_is_refused() -> None:
    """A server cannot fill the consumer's memory."""

    async def main() -> None:
        flood = Answer(*[b"data: " + b"x" * 1_000_000] * 9)
        with pytest.raises(StreamFailedError, match="larger than"):
            await Reading(Server(flood)).all()

    run(main())


def test_the_largest_event_is_the_callers_choice() -> None:
    """One byte more than that is refused."""

    async def main() -> None:
        # The line is `data: …`.
        event = encode("x" * 94)
        most = len(event) - 1
        assert (await Reading(Server(Answer(event, DONE)), max_event_bytes=most).all()).got
        with pytest.raises(StreamFailedError, match="larger than") as failure:
            await Reading(Server(Answer(event, DONE)), max_event_bytes=most - 1).all()

        assert failure.value.reason == "unreadable"

    run(main())


def test_max_retries_bounds_the_attempts_in_a_row() -> None:
    """A caller that sets it gets an error that says how often and why."""

    async def main() -> None:
        reading = Reading(Server(ConnectionRefusedError("refused")), max_retries=3)
        with pytest.raises(StreamFailedError, match="3 attempts; refused") as failure:
            await reading.all()

        assert failure.value.reason == "retries"
        assert len(reading.server.asked) == 4

    run(main())


def test_a_redirect_is_followed_each_time_anew() -> None:
    """The address that was given stays the one that is asked; its keys go nowhere else."""

    async def main() -> None:
        there = Answer(status=302, headers={"location": "https://other.test/s?x=1"})
        server = Server(
            there,
            Answer(hello(), payload(0)),
            there,
            Answer(hello(resumed_from=f"0-{EPOCH}"), payload(1), DONE),
        )
        reading = await Reading(server, headers={"X-Api-Key": "s3cret"}).all()
        first, second, third, fourth = server.requests

        assert reading.got == words(0, 1)
        assert first.url == third.url == URL
        assert second.url == fourth.url == "https://other.test/s?x=1"
        assert "X-Api-Key" in first.headers
        assert "X-Api-Key" not in second.headers
        assert (second.foreign, fourth.headers["Last-Event-ID"]) == (True, f"0-{EPOCH}")
        assert server.open == 0

    run(main())


@pytest.mark.parametrize(
    ("location", "line"),
    [("/api/v1/stream", "redirects in a circle"), ("ftp://x/", "redirects to what is no http URL")],
)
def test_a_redirect_that_leads_nowhere_is_final(location: str, line: str) -> None:
    """Bounded, and told where it was asked."""

    async def main() -> None:
        server = Server(Answer(status=302, headers={"location": location}))
        with pytest.raises(StreamFailedError, match=line) as failure:
            await Reading(server).all()

        assert failure.value.reason == "refused"
        assert len(server.asked) <= 20

    run(main())


def test_an_answer_that_was_redirected_is_still_the_answer_to_its_post() -> None:
    """After 303 the stream comes by GET, and is whole where it ends."""

    async def main() -> None:
        server = Server(Answer(status=303, headers={"location": "/answers/1"}), Answer(payload(0)))
        reading = await Reading(server, json={}).all()

        assert [request.method for request in server.requests] == ["POST", "GET"]
        assert reading.stream.status == "complete"

    run(main())


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


def test_a_certificate_that_was_never_trusted_is_final() -> None:
    """It does not get better by itself, and somebody has to know."""

    async def main() -> None:
        with pytest.raises(StreamFailedError, match="self-signed certificate") as failure:
            await Reading(Server(untrusted())).all()

        assert failure.value.reason == "unreachable"

    run(main())


def test_a_certificate_that_was_trusted_once_may_be_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An expired one is replaced by somebody: a feed that ran for weeks waits for that."""

    async def main() -> None:
        server = Server(Answer(payload(0)), untrusted(), Answer(payload(1), DONE))

        assert (await Reading(server).all()).got == words(0, 1)

    run(main())
    assert "self-signed certificate" in caplog.text


def chat(text: str, finish: str | None = None) -> bytes:
    choice = {"delta": {"content": text}, "finish_reason": finish}
    return encode(json.dumps({"object": "chat.completion.chunk", "choices": [choice]}))


def shown(reading: Reading) -> str:
    """Return the text that a person was shown."""
    chunks = (json.loads(text) for text in reading.got)
    return "".join(choice["delta"]["content"] for c in chunks for choice in c["choices"])


ANSWER = [chat("Once "), chat("upon "), chat("upon "), chat("", "stop"), encode("[DONE]")]
WHOLE = b"".join(ANSWER)
LAST_WORD = len(b"".join(ANSWER[:-1]))


def test_an_answer_cut_at_any_byte_is_whole_or_interrupted() -> None:
    """Whole from the word that says so; before it never, and nothing is asked for again."""

    async def main() -> None:
        for end in range(len(WHOLE)):
            server = Server(Answer(WHOLE[:end], ConnectionResetError("cut")))
            reading = Reading(server, json={})
            reason = None
            try:
                await reading.all()
            except StreamFailedError as error:
                reason = error.reason
            assert reason == (None if end >= LAST_WORD else "interrupted")
            assert "Once upon upon ".startswith(shown(reading))
            assert len(server.asked) == 1

    run(main())


@given(
    texts=st.lists(st.text("ab ", max_size=3), max_size=8),
    cuts=st.lists(st.integers(0, 400), max_size=4),
    size=st.integers(1, 200),
)
def test_a_repeated_answer_is_shown_once_wherever_it_is_cut(
    texts: list[str], cuts: list[int], size: int
) -> None:
    """However the bytes come, however often they break off, whatever word stands twice."""
    whole = b"".join([*map(chat, texts), chat("", "stop"), encode("[DONE]")])

    def answer(end: int | None) -> Answer:
        body = whole[:end]
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        return Answer(*pieces, *([] if end is None else [ConnectionResetError("cut")]))

    async def main() -> None:
        server = Server(*map(answer, cuts), answer(None))
        reading = await Reading(server, json={}, idempotency_key="k").all()

        assert shown(reading) == "".join(texts)
        assert len(server.asked) <= len(cuts) + 1

    run(main())
