"""One exchange: what is asked, and what the head of its answer means."""

import pytest

from sse_observe.consumer import StreamFailedError
from tests.support.scripted_server import DONE, URL, Answer, Reading, Server, hello, payload, words
from tests.support.virtual import run


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
        with pytest.raises(StreamFailedError, match="text/html"):
            await Reading(Server(html)).all()

    run(main())
