"""One exchange with servers of every kind: what comes is recorded, what fails is one line."""

import asyncio
import itertools
import time

import pytest

from sse_observe.check.asking.connection import Dialing
from sse_observe.check.asking.exchange import Asking, ask
from sse_observe.check.asking.question import Question
from sse_observe.check.asking.recording import Recording
from sse_observe.check.asking.watch import Watch
from sse_observe.lab.programs.process import free_port
from tests.support.raw_answers import CLOSE_HEAD, HEAD, LAST, Piece, answering, chunk

QUICK = Watch(seconds=5)


def asked(url: str, watch: Watch = QUICK, asking: Asking | None = None, **more: str) -> Recording:
    return asyncio.run(ask(Question(url=url, **more), watch, asking or Asking()))


def answered(*pieces: Piece, watch: Watch = QUICK) -> Recording:
    with answering(*pieces) as server:
        return asked(server.url, watch)


def test_each_piece_has_the_time_at_which_it_came() -> None:
    """Arrivals, chunk sizes and events are kept as they came over the wire."""
    found = answered(HEAD, chunk(b"data: a\n\n"), 0.3, chunk(b"data: b\n\n"), LAST)

    first, second = (event.at for event in found.log.events)
    assert second - first == pytest.approx(0.3, abs=0.2)
    assert found.frames == [9, 9]
    assert (found.http, found.status, found.end) == ("1.1", 200, "complete")
    assert list(found.phases) == ["dns", "connect", "headers"]


def test_a_cut_is_not_an_end() -> None:
    """A connection that ends within a chunked body was cut."""
    assert answered(HEAD, chunk(b"data: a\n\n")).end == "cut"
    assert answered(CLOSE_HEAD, b"data: a\n\n").end == "complete"


def test_the_watch_ends_when_there_is_enough() -> None:
    """Nobody waits for a stream that has no end."""
    watch = Watch(seconds=30, until=lambda r: 0.0 if r.log.events else 30.0)
    began = time.perf_counter()
    found = answered(HEAD, chunk(b"data: a\n\n"), 20.0, watch=watch)

    assert found.end == "left"
    assert time.perf_counter() - began < 10


def test_bytes_are_bounded() -> None:
    """A stream that sends more than that is read no further."""
    many = chunk(b"data: " + b"x" * 1000 + b"\n\n")
    found = answered(HEAD, *itertools.repeat(many, 200), watch=Watch(seconds=5, most_bytes=10_000))

    assert found.end == "too_large"
    assert found.bytes_read < 200_000


@pytest.mark.parametrize(
    "body",
    [itertools.repeat(chunk(b"x" * 65536), 40), [chunk(b"data: "), *[chunk(b"y\ndata: ")] * 99]],
)
def test_an_endless_event_is_one_line(body: list[bytes]) -> None:
    """A line without end, or an event of a gigabyte, ends the reading with one sentence."""
    found = answered(HEAD, *body, watch=Watch(seconds=3))

    assert found.end in ("unreadable", "cut")
    if found.end == "unreadable":
        assert "larger than" in found.unreadable
        assert "\n" not in found.unreadable


def refused() -> Recording:
    return asked(f"http://127.0.0.1:{free_port()}/")


def nowhere() -> Recording:
    return asked("http://no-such-host.invalid/")


def hanging() -> Recording:
    return answered(20.0, watch=Watch(seconds=0.5))


def not_tls() -> Recording:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        return asked(server.url.replace("http:", "https:"))


def no_http() -> Recording:
    return answered(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


def hung_up() -> Recording:
    return answered()


def circle() -> Recording:
    return answered(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("failing", "kind", "words"),
    [
        (refused, "refused", "connection refused"),
        (nowhere, "dns", "no such host"),
        (hanging, "timeout", "no answer within"),
        (not_tls, "tls", "TLS"),
        (no_http, "not_http", "no HTTP"),
        (hung_up, "reset", "hung up"),
        (circle, "redirect", "redirects more than"),
    ],
)
def test_every_failure_is_one_line(failing: object, kind: str, words: str) -> None:
    """Where nothing can be read, one sentence says why and what to do."""
    assert callable(failing)
    found = failing()

    assert found.failure is not None
    assert found.failure.kind == kind
    assert words in str(found.failure)
    assert "\n" not in str(found.failure)


def test_what_is_given_for_one_origin_stays_there() -> None:
    """A redirect to another host takes no token along."""
    with (
        answering(HEAD, chunk(b"data: a\n\n"), LAST) as other,
        answering(
            f"HTTP/1.1 307 Go\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n".encode()
        ) as first,
    ):
        question = Question(url=first.url, headers=(("Authorization", "Bearer abc"),))
        found = asyncio.run(ask(question, QUICK, Asking()))

    assert found.redirects == [other.url]
    assert b"Bearer abc" in first.requests[0]
    assert b"Bearer abc" not in other.requests[0]


def test_a_post_is_not_turned_into_a_get() -> None:
    """A 302 would ask another question: it is recorded, and not followed."""
    with answering(b"HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n") as server:
        found = asked(server.url, method="POST")

    assert found.status == 302
    assert len(server.requests) == 1


def test_a_slow_handshake_is_given_up() -> None:
    """A port that accepts and says nothing to a TLS client ends within the time limit."""
    dialing = Dialing(seconds=0.3)
    with answering(20.0) as server:
        url = server.url.replace("http:", "https:")
        found = asked(url, asking=Asking(dialing=dialing))

    assert found.failure is not None
    assert found.failure.kind in ("timeout", "tls")


def test_informational_answers_are_passed_over() -> None:
    """A 103 before the answer is not the answer."""
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"

    assert answered(early, HEAD, chunk(b"data: a\n\n"), LAST).status == 200
