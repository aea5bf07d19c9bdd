"""The head of an answer: a stream, the end, another try, or never again."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.consumer import StreamFailedError
from sse_observe.consumer.answer import check_head, is_stream
from sse_observe.consumer.failure import LostError
from tests.support.scripted_server import DONE, URL, Answer, Reading, Server, hello, payload, words
from tests.support.virtual import run

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 422, 301, 205])
def test_an_answer_that_will_not_change_is_final(status: int) -> None:
    """Asking again would only be noise; one line says where and what."""

    async def main() -> None:
        reading = Reading(Server(Answer(status=status)), f"{URL}?secret=1")
        with pytest.raises(StreamFailedError, match=str(status)) as failure:
            await reading.all()

        assert "secret" not in str(failure.value)
        assert (failure.value.reason, failure.value.status) == ("refused", status)
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
    """204 means: everything was sent, do not come back."""

    async def main() -> None:
        reading = await Reading(Server(Answer(hello(), payload(0)), Answer(status=204))).all()

        assert reading.got == words(0)
        assert reading.count("sse_client_streams_total", outcome="completed") == 1

    run(main())


def test_another_content_type_is_final() -> None:
    """A login form with status 200 is not a stream."""

    async def main() -> None:
        html = Answer(b"<html>", headers={"content-type": "text/html"})
        with pytest.raises(StreamFailedError, match="text/html") as failure:
            await Reading(Server(html)).all()

        assert failure.value.data == ""

    run(main())


def test_a_refusal_is_told_in_the_servers_words() -> None:
    """An API says in JSON what is wrong with a request: the caller need not ask it again."""
    body = json.dumps({"error": {"type": "invalid_api_key", "message": "Wrong\nkey."}})

    async def main() -> None:
        server = Server(Answer(body[:9].encode(), body[9:].encode(), status=401, headers=JSON))
        with pytest.raises(StreamFailedError) as failure:
            await Reading(server, json={}).all()

        error = failure.value
        assert (error.type, error.message, error.data) == ("invalid_api_key", "Wrong\nkey.", body)
        assert str(error) == (
            f"{URL}: answered 401, which will not change: invalid_api_key: Wrong key."
        )

    run(main())


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b'{"error":"', b"x" * 20_000, b'"}', status=400, headers=JSON),
        Answer(b'{"error":', 60.0, b'"slow"}', status=400, headers=JSON),
        Answer(b'{"error":', ConnectionResetError(), status=400, headers=JSON),
        Answer(b"x", status=400, headers={**JSON, "content-encoding": "br"}),
        Answer(b"<html>secret</html>", status=400, headers={"content-type": "text/html"}),
    ],
    ids=["large", "slow", "cut", "packed", "page"],
)
def test_words_that_do_not_come_at_once_are_not_waited_for(answer: Answer) -> None:
    """The status says enough; a page is nobody's error message."""

    async def main() -> None:
        with pytest.raises(StreamFailedError, match=r"answered 400, which will not change$"):
            await Reading(Server(answer)).all()

    run(main())


def test_an_outage_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """A name that does not exist is asked for for ever: somebody has to be told, and told again."""

    async def main() -> None:
        refused = ConnectionRefusedError("refused")
        # 1, 2, 4, 8, 16 and then 30 seconds: the seventh attempt is in the second minute.
        server = Server(
            *[refused] * 6, Answer(status=503), Answer(payload(0)), refused, Answer(DONE)
        )
        with caplog.at_level(logging.WARNING, "sse_observe"):
            await Reading(server, f"{URL}?secret=1").all()

    run(main())
    assert [record.getMessage() for record in caplog.records] == [
        f"{URL}: refused; asking again",
        f"{URL}: answered 503; asking again",
        f"{URL}: refused; asking again",
    ]


def test_whoever_shows_the_status_is_told_why() -> None:
    """A reason for each status but those in which all is well; the last one is the error's text."""

    async def main() -> None:
        refused = ConnectionRefusedError("refused")
        reading = Reading(Server(refused, Answer(payload(0)), Answer(status=404)))
        with pytest.raises(StreamFailedError) as failure:
            await reading.all()

        reason_of = dict(zip(reading.statuses, reading.reasons, strict=True))
        assert reason_of[("connecting", 0)] == reason_of[("live", 1)] == ""
        assert reason_of[("reconnecting", 1)] == "refused"
        assert reason_of[("reconnecting", 2)] == "the connection ended before the stream did"
        assert reason_of[("failed", 2)] == str(failure.value)

    run(main())


@pytest.mark.parametrize("status", [200, 201])
def test_a_post_may_be_answered_by_201(status: int) -> None:
    """It made something, and streams it."""
    assert is_stream(status, {"content-type": "text/event-stream"})


@given(st.text() | st.just("Mon, 01 Jan 99999 00:00:00 GMT") | st.just("9" * 5000))
def test_any_retry_after_is_a_delay_or_none(text: str) -> None:
    """A header of a stranger never breaks the reading."""
    with pytest.raises(LostError) as loss:
        check_head("here", 503, {"retry-after": text})

    assert 0 <= loss.value.after_seconds < 1e10


@pytest.mark.parametrize(
    ("kind", "accepted"),
    [
        ("text/event-stream", True),
        ("Text/Event-Stream ; charset=utf-8", True),
        ("text/event-streams", False),
        ("", False),
    ],
)
def test_a_stream_is_known_by_its_type(kind: str, accepted: bool) -> None:
    """Any case, any parameters."""
    assert is_stream(200, {"content-type": kind}) is accepted
    assert not is_stream(206, {"content-type": kind})
