"""The events of a stream: what the caller is given, and how a failure is told."""

import json
from typing import Any

import pytest

from sse_observe.consumer import Event, Gap, StreamFailedError
from sse_observe.wire import encode
from tests.support.scripted_server import (
    DONE,
    EPOCH,
    HANG,
    URL,
    Answer,
    Reading,
    Server,
    hello,
    payload,
    words,
)
from tests.support.virtual import now, run

CHAT = encode('{"choices":[{"delta":{"content":"x"}}]}')
CHAT_ERROR = encode('{"error":{"type":"server_error","message":"The upstream is gone."}}')
USAGE = '{"response":{"usage":{"total_tokens":9}}}'


def posting(*steps: Any, **options: Any) -> Reading:
    return Reading(Server(Answer(*steps)), json={}, **options)


async def failing(reading: Reading) -> StreamFailedError:
    with pytest.raises(StreamFailedError) as failure:
        await reading.all()
    return failure.value


@pytest.mark.parametrize("asks_by", ["GET", "POST"])
def test_the_terminal_event_is_given_out(asks_by: str) -> None:
    """It may carry the whole answer, and what it cost; a gap before it comes before it."""

    async def main() -> None:
        server = Server(
            Answer(
                hello(lost=1),
                encode("Hi", event="response.output_text.delta"),
                encode(USAGE, event="response.completed"),
            )
        )
        terminal = ("response.completed",)
        reading = await Reading(server, method=asks_by, terminal_events=terminal).all()
        kinds = [item.type if isinstance(item, Event) else item for item in reading.items]

        assert kinds == ["response.output_text.delta", Gap(1, announced=True), "response.completed"]
        assert reading.items[-1].data == USAGE
        # It ends the stream, and is no payload of it.
        assert reading.count("sse_client_events_received_total") == 1

    run(main())


def test_a_mark_that_carries_nothing_is_not_given_out() -> None:
    """Whoever parses each event's data as JSON gets to the end of an answer."""

    async def main() -> None:
        chat = await posting(CHAT, encode("[DONE]")).all()
        plain = await posting(CHAT, encode("", event="done")).all()
        contract = await posting(CHAT, DONE).all()

        assert [len(each.items) for each in (chat, plain, contract)] == [1, 1, 1]

    run(main())


@pytest.mark.parametrize(
    ("frames", "kind", "message"),
    [
        ([CHAT, CHAT_ERROR], "server_error", "The upstream is gone."),
        ([CHAT, CHAT_ERROR, encode("[DONE]")], "server_error", "The upstream is gone."),
        (
            [
                encode("{}", event="message_start"),
                encode('{"error":{"type":"overloaded_error","message":"m"}}', event="error"),
            ],
            "overloaded_error",
            "m",
        ),
        (
            [
                encode("{}", event="response.created"),
                encode(
                    '{"response":{"error":{"code":"c","message":"m"}}}', event="response.failed"
                ),
            ],
            "c",
            "m",
        ),
        ([encode('{"type":"start"}'), encode('{"type":"error","errorText":"m"}')], "", "m"),
        ([encode("out of memory", event="error")], "", "out of memory"),
    ],
    ids=["chat", "chat-done", "anthropic", "responses", "ai-sdk", "plain"],
)
@pytest.mark.parametrize("ends_by", [None, ConnectionResetError("reset"), HANG])
def test_a_failure_in_band_is_raised_in_the_servers_words(
    frames: list[bytes], kind: str, message: str, ends_by: Any
) -> None:
    """However the connection ends then: in order, cut, or not at all."""

    async def main() -> None:
        server = Server(Answer(*frames, *([] if ends_by is None else [ends_by])))
        reading = Reading(server, json={})
        began = now()
        error = await failing(reading)

        assert (error.reason, error.type, error.message) == ("error_event", kind, message)
        assert error.data
        assert str(error).startswith(f"{URL}: the stream said that it failed: ")
        assert message in str(error)
        assert len(server.asked) == 1
        assert server.open == 0
        assert now() - began <= 1
        # The failure itself is the error, and nothing to be read as an answer.
        assert all("error" not in item.data for item in reading.items)
        assert reading.count("sse_client_streams_total", outcome="failed") == 1
        assert reading.count("sse_stall_detections_total") == 0

    run(main())


def test_a_failure_that_is_taken_back_is_an_event() -> None:
    """A gateway may go on with another model: the last word counts, and nothing is left out."""

    async def main() -> None:
        reading = await posting(CHAT, CHAT_ERROR, 0.5, CHAT, encode("[DONE]")).all()

        assert [json.loads(text).popitem()[0] for text in reading.got] == [
            *("choices", "error", "choices"),
        ]
        assert reading.stream.status == "complete"

    run(main())


def test_in_a_plain_feed_an_error_is_an_event_until_it_is_the_last() -> None:
    """It is given out at once; a lost connection after it is resumed, an end in order is not."""

    async def main() -> None:
        error = encode("disk full", event="error", id="1")
        server = Server(
            Answer(error, 20.0, encode("y", id="2"), error, ConnectionResetError("cut")),
            Answer(encode("z", id="3"), encode("out of memory", event="error")),
        )
        reading = Reading(server)
        with pytest.raises(StreamFailedError, match="out of memory") as failure:
            await reading.all()

        assert failure.value.reason == "error_event"
        assert reading.got == ["disk full", "y", "disk full", "z", "out of memory"]
        assert len(server.asked) == 2

    run(main())


def test_a_feed_of_errors_says_so() -> None:
    """An event that is only called `error` may be the last one too."""

    async def main() -> None:
        server = Server(Answer(encode("x", event="error")), Answer(encode("y"), DONE))
        reading = await Reading(server, error_events=()).all()
        assert reading.got == ["x", "y"]

    run(main())


def test_an_answer_that_was_stopped_is_neither_whole_nor_failed() -> None:
    """Its user did it, and the protocol says so."""

    async def main() -> None:
        start, abort = encode('{"type":"start"}'), encode('{"type":"abort"}')
        reading = await posting(start, abort, encode("[DONE]")).all()

        assert reading.count("sse_client_streams_total", outcome="cancelled") == 1
        assert reading.count("sse_client_streams_total") == 1

    run(main())


def test_after_its_end_an_answer_has_a_second_for_its_last_words() -> None:
    """The count of tokens follows at once; a server that leaves the connection open is left."""

    async def main() -> None:
        stop = encode('{"choices":[{"delta":{},"finish_reason":"stop"}]}')
        usage = encode('{"choices":[],"usage":{}}')
        began = now()
        reading = await posting(CHAT, stop, 0.5, usage, HANG).all()

        assert len(reading.items) == 3
        assert reading.stream.status == "complete"
        assert now() - began == 1
        assert reading.count("sse_stall_detections_total") == 0

    run(main())


def test_a_feed_goes_on_after_the_end_of_one_answer_in_it() -> None:
    """Several runs may share one GET; its connection's end after one of them is the end."""

    async def main() -> None:
        def run_of(text: str) -> list[Any]:
            content = f'{{"type":"TEXT_MESSAGE_CONTENT","delta":"{text}"}}'
            frames = ('{"type":"RUN_STARTED"}', content, '{"type":"RUN_FINISHED"}')
            return [*map(encode, frames), 20.0]

        server = Server(Answer(*run_of("a"), *run_of("b")))
        reading = await Reading(server).all()

        assert len(reading.items) == 6
        assert len(server.asked) == 1
        assert reading.stream.status == "complete"

    run(main())


def test_a_gap_at_the_very_end_comes_before_the_end() -> None:
    """Nothing follows that would show it, so the end must."""

    async def main() -> None:
        server = Server(
            Answer(hello(), payload(0)),
            Answer(hello(resumed_from=f"0-{EPOCH}", lost=4), encode("5 words", event="done")),
        )
        reading = await Reading(server).all()

        assert reading.items[1:] == [Gap(4, announced=True), Event("done", "5 words", "")]

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


@pytest.mark.parametrize("number", ["NaN", "1e400", "-1e300", "9" * 400, "1e999", "true"])
@pytest.mark.parametrize("field", ["heartbeat_seconds", "server_time", "lost", "replayed"])
def test_a_greeting_of_wild_numbers_is_harmless(field: str, number: str) -> None:
    """Nothing but our own errors comes out of the iterator, and none here."""

    async def main() -> None:
        greeting = encode(f'{{"{field}":{number}}}', event="sse.hello")
        reading = await Reading(Server(Answer(greeting, payload(0), DONE))).all()

        assert reading.got[-1] == "w0"

    run(main())
