"""Requests after a loss: nothing but a GET is sent twice by itself."""

import json
from typing import Any

import pytest

from sse_observe.consumer import Gap, StreamFailedError
from sse_observe.consumer.transport import UnreachableError
from sse_observe.errors import SettingsError
from sse_observe.wire import encode
from tests.support.scripted_server import (
    DONE,
    EPOCH,
    URL,
    Answer,
    Reading,
    Server,
    hello,
    payload,
    words,
)
from tests.support.virtual import now, run

CUT = ConnectionResetError("reset")
AUTH = {"Authorization": "Bearer x", "X-Mine": "y"}


def chat(*texts: str) -> list[bytes]:
    return [
        encode(json.dumps({"id": "c", "choices": [{"delta": {"content": text}}]})) for text in texts
    ]


def spoken(reading: Reading) -> str:
    """Return the text that a person was shown."""
    return "".join(json.loads(t)["choices"][0]["delta"]["content"] for t in reading.got)


def posting(server: Server, **options: Any) -> Reading:
    return Reading(server, json={"q": "?"}, headers=AUTH, **options)


async def failing(reading: Reading) -> StreamFailedError:
    with pytest.raises(StreamFailedError) as failure:
        await reading.all()
    return failure.value


def methods(server: Server) -> list[str]:
    return [request.method for request in server.requests]


def test_a_get_is_that_of_an_event_source() -> None:
    """It asks for an event stream, uncached and uncompressed, with the caller's headers too."""

    async def main() -> None:
        server = Server(Answer(DONE))
        await Reading(server, headers={"accept": "text/event-stream;v=1"}, network_type="3g").all()
        _, url, headers = server.asked[0]

        assert headers == {
            "Accept-Encoding": "identity",
            "Cache-Control": "no-store",
            "accept": "text/event-stream;v=1",
        }
        assert url == f"{URL}?network_type=3g"

    run(main())


def test_a_body_makes_it_a_post() -> None:
    """JSON is sent as such; any other body as it is."""

    async def main() -> None:
        server = Server(Answer(DONE))
        await posting(server).all()
        await Reading(server, content="text", headers={"Content-Type": "text/plain"}).all()
        await Reading(server, method="put", content=b"\x00").all()
        first, second, third = server.requests

        assert (first.method, first.body) == ("POST", b'{"q":"?"}')
        assert first.headers["Content-Type"] == "application/json"
        assert first.headers["Authorization"] == "Bearer x"
        assert (second.body, second.headers["Content-Type"]) == (b"text", "text/plain")
        assert (third.method, third.body) == ("PUT", b"\x00")

    run(main())


@pytest.mark.parametrize(
    "frames",
    [
        chat("a", "b"),
        [*chat("a", "b"), encode("[DONE]")],
        [encode("{}", event="message_start"), encode("{}", event="message_stop")],
        [encode('{"jsonrpc":"2.0","id":1,"result":{}}', event="message")],
        [encode("anything")],
        [],
    ],
    ids=["chat", "chat-done", "anthropic", "mcp", "plain", "empty"],
)
def test_an_answer_that_ended_in_order_is_complete(frames: list[bytes]) -> None:
    """Whatever its protocol, and whether or not it has a terminal."""

    async def main() -> None:
        server = Server(Answer(*frames))
        reading = await posting(server).all()

        assert methods(server) == ["POST"]
        assert reading.stream.status == "complete"
        assert reading.count("sse_client_streams_total", outcome="completed") == 1

    run(main())


def test_an_answer_that_broke_off_is_not_asked_for_again() -> None:
    """It may have done its work, and cost its price: the caller decides."""

    async def main() -> None:
        server = Server(Answer(*chat("a"), CUT))
        reading = posting(server)
        error = await failing(reading)

        assert spoken(reading) == "a"
        assert error.reason == "interrupted"
        assert str(error) == f"{URL}: reset; POST is not sent again without idempotency_key"
        assert methods(server) == ["POST"]
        assert [status for status, _ in reading.statuses] == ["connecting", "live", "failed"]
        assert reading.count("sse_client_streams_total", outcome="failed") == 1

    run(main())


def test_an_end_without_the_declared_terminal_is_no_end() -> None:
    """A caller that names the terminal says what a whole answer looks like."""

    async def main() -> None:
        reading = posting(Server(Answer(*chat("a"))), terminal_events=("finished",))

        assert (await failing(reading)).reason == "interrupted"

    run(main())


@pytest.mark.parametrize(
    ("answer", "reason", "status"),
    [
        (Answer(status=503), "refused", 503),
        (Answer(status=429, headers={"retry-after": "1"}), "refused", 429),
        (UnreachableError("no route"), "unreachable", None),
        (CUT, "interrupted", None),
    ],
    ids=["503", "429", "unreachable", "cut"],
)
def test_a_post_that_was_not_answered_by_a_stream_is_sent_once(
    answer: Any, reason: str, status: int | None
) -> None:
    """At once, without a pause: nobody is told later that nothing was done."""

    async def main() -> None:
        server = Server(answer, Answer(*chat("a")))
        began = now()
        error = await failing(posting(server))

        assert (error.reason, error.status) == (reason, status)
        assert methods(server) == ["POST"]
        assert now() == began

    run(main())


def test_a_named_answer_is_resumed_by_get() -> None:
    """The name came with hello; the body is not sent again, the caller's headers are."""

    async def main() -> None:
        server = Server(
            Answer(hello(stream="s1"), payload(0), CUT),
            Answer(hello(stream="s1", resumed_from=f"0-{EPOCH}"), payload(1), CUT),
            Answer(hello(stream="s1", resumed_from=f"1-{EPOCH}"), payload(2), DONE),
        )
        reading = await posting(server).all()
        again = server.requests[1]

        assert reading.got == words(0, 1, 2)
        assert methods(server) == ["POST", "GET", "GET"]
        assert again.url == f"{URL}?stream_id=s1"
        assert again.body is None
        assert "Content-Type" not in again.headers
        assert again.headers["Authorization"] == "Bearer x"
        assert server.cursors == [None, f"0-{EPOCH}", f"1-{EPOCH}"]

    run(main())


def test_a_named_answer_that_broke_off_before_its_first_event_is_asked_for_from_its_start() -> None:
    """The name alone is enough."""

    async def main() -> None:
        server = Server(Answer(hello(stream="s1"), CUT), Answer(payload(0), DONE))
        reading = await posting(server).all()

        assert reading.got == words(0)
        assert server.cursors == [None, "-1"]

    run(main())


def test_the_caller_may_say_where_the_rest_is() -> None:
    """Not every service keeps its answers where it takes the questions."""
    asked: list[tuple[str | None, str]] = []

    def resume(stream: str | None, cursor: str) -> str:
        asked.append((stream, cursor))
        return f"http://server.test/answers/{stream}?after={cursor}"

    async def main() -> None:
        server = Server(
            Answer(hello(stream="s1"), payload(0), CUT),
            Answer(hello(), payload(1), DONE),
        )
        reading = await posting(server, resume=resume).all()

        assert reading.got == words(0, 1)
        assert asked == [("s1", f"0-{EPOCH}")]
        assert server.requests[1].url == f"http://server.test/answers/s1?after=0-{EPOCH}"
        assert methods(server) == ["POST", "GET"]

    run(main())


def test_a_caller_who_knows_no_better_leaves_it_to_us() -> None:
    """It is asked without a name as well, which may stand in the events; then nothing is left."""
    asked: list[tuple[str | None, str]] = []

    def resume(stream: str | None, cursor: str) -> None:
        asked.append((stream, cursor))

    async def main() -> None:
        error = await failing(posting(Server(Answer(*chat("a"), CUT)), resume=resume))
        assert error.reason == "interrupted"

        named = Server(Answer(hello(stream="s1"), payload(0), CUT), Answer(payload(1), DONE))
        reading = await posting(named, resume=resume).all()
        assert reading.got == words(0, 1)
        assert asked == [(None, ""), ("s1", f"0-{EPOCH}")]

    run(main())


@pytest.mark.parametrize(
    "gone", [Answer(status=404), Answer(status=405), Answer(hello(stream="s2"), payload(0))]
)
def test_the_rest_of_an_answer_that_is_gone_is_an_interrupted_answer(gone: Answer) -> None:
    """Another stream is no rest of this one, however well it runs."""

    async def main() -> None:
        server = Server(Answer(hello(stream="s1"), payload(0), CUT), gone)
        reading = posting(server)

        assert (await failing(reading)).reason == "interrupted"
        assert reading.got == words(0)
        assert methods(server) == ["POST", "GET"]

    run(main())


def test_a_key_lets_the_request_be_sent_again_and_shows_nothing_twice() -> None:
    """The same key each time; without ids the second answer is compared with the first."""

    async def main() -> None:
        server = Server(
            Answer(status=503),
            Answer(*chat("Once ", "upon ", "upon "), CUT),
            Answer(*chat("Once ", "upon "), CUT),
            Answer(*chat("Once ", "upon ", "upon ", "a time."), encode("[DONE]")),
        )
        reading = await posting(server, idempotency_key="k-1").all()

        assert spoken(reading) == "Once upon upon a time."
        assert methods(server) == ["POST"] * 4
        assert {request.headers["Idempotency-Key"] for request in server.requests} == {"k-1"}
        assert {request.body for request in server.requests} == {b'{"q":"?"}'}
        assert reading.count("sse_duplicate_events_total", seen_by="client") == 5

    run(main())


def test_a_key_that_the_server_does_not_keep_is_told() -> None:
    """Half of one answer and half of another are no answer."""

    async def main() -> None:
        server = Server(Answer(*chat("Once ", "upon "), CUT), Answer(*chat("Once ", "there ")))
        reading = posting(server, idempotency_key="k-1")
        error = await failing(reading)

        assert error.reason == "interrupted"
        assert "idempotency_key" in str(error)
        assert spoken(reading) == "Once upon "

    run(main())


def test_an_answer_with_ids_may_go_on_where_it_broke_off() -> None:
    """A server that knows the cursor need not begin anew."""

    async def main() -> None:
        server = Server(
            Answer(encode("a", id="x1"), encode("b", id="x2"), CUT),
            Answer(encode("c", id="x3"), CUT),
            Answer(*(encode(text, id=f"x{n}") for n, text in enumerate("abcd", 1)), DONE),
        )
        reading = await posting(server, idempotency_key="k").all()

        assert reading.got == ["a", "b", "c", "d"]
        assert server.cursors == [None, "x2", "x3"]

    run(main())


def test_a_name_goes_before_a_key() -> None:
    """A stream that can be resumed is not asked for again; one that is gone may be."""

    async def main() -> None:
        server = Server(
            Answer(hello(stream="s1"), payload(0), CUT),
            Answer(status=404),
            Answer(hello(stream="s1"), payload(0), payload(1), DONE),
        )
        reading = await posting(server, idempotency_key="k").all()

        assert reading.got == words(0, 1)
        assert methods(server) == ["POST", "GET", "POST"]
        assert "Idempotency-Key" in server.requests[2].headers

    run(main())


def test_a_get_that_began_without_payload_is_asked_for_by_name() -> None:
    """Otherwise the server would begin a second one; if it is gone, a fresh one will do."""

    async def main() -> None:
        server = Server(
            Answer(hello(stream="s1"), 1.0),
            Answer(status=404),
            Answer(hello(stream="s2"), payload(0), DONE),
        )
        reading = await Reading(server, f"{URL}?q=a%20b").all()
        urls = [url for _, url, _ in server.asked]

        assert reading.got == words(0)
        assert urls == [f"{URL}?q=a%20b", f"{URL}?q=a%20b&stream_id=s1", f"{URL}?q=a%20b"]
        assert server.cursors == [None, "-1", None]

    run(main())


def test_a_get_may_have_its_rest_elsewhere_too() -> None:
    """Where that place knows nothing, the stream is asked for as at first."""

    async def main() -> None:
        server = Server(
            Answer(payload(0), CUT),
            Answer(status=410),
            Answer(hello(), payload(0, "ponmlkjihgfedcba"), DONE),
        )
        reading = await Reading(
            server, resume=lambda _, cursor: f"{URL}/after/{cursor}", dense_ids=True
        ).all()

        assert reading.got == ["w0", Gap(None, announced=True), "w0"]
        assert [url for _, url, _ in server.asked] == [URL, f"{URL}/after/0-{EPOCH}", URL]

    run(main())


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"idempotency_key": "k"}, "idempotency_key is for requests other than GET and HEAD"),
        ({"json": {}, "idempotency_key": "a\nb"}, "header 'Idempotency-Key' is wrong"),
        ({"json": {}, "idempotency_key": ""}, "header 'Idempotency-Key' is wrong"),
    ],
)
def test_a_key_that_cannot_be_is_refused(options: dict[str, Any], line: str) -> None:
    """One line, before anything is sent."""
    with pytest.raises(SettingsError, match=line):
        Reading(Server(), **options)
