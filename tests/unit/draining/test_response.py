"""One response that is ended before its application ends it: its last words, and their form."""

import asyncio
from typing import Any

import pytest

from sse_observe import current_stream
from sse_observe.draining.response import Response
from tests.support.asgi import END, STREAM_HEADERS, body, start
from tests.support.virtual import now, run

EVENT = b"data: x\n\n"
SHUTDOWN = b'{"error": {"type": "shutdown", "message": "the server is shutting down"}}'


class Played:
    """A response that an application has begun so, and whatever its server was given."""

    def __init__(self, *messages: Any, blocks: bool = False) -> None:
        self.messages = messages
        self.blocks = blocks
        self.opened: list[Response] = []
        self.got: list[Any] = []
        self.seconds = 0.0

    async def inner(self, message: Any) -> None:
        self.got.append(message)
        if self.blocks and not message.get("more_body", True):
            await asyncio.Event().wait()

    def ended(self, reason: str) -> bytes:
        """End it; return what its client was sent at last."""
        run(self._play(reason))
        return bytes(self.got[-1]["body"])

    async def _play(self, reason: str) -> None:
        async def app() -> None:
            for message in self.messages:
                await response.send(message)
            await asyncio.Event().wait()

        task = asyncio.create_task(app())
        response = Response(self.inner, task, self.opened.append)
        await asyncio.sleep(1)
        response.end(reason)
        with pytest.raises(asyncio.CancelledError):
            await task
        await response.send(body(b"of a task of its own"))
        began = now()
        await response.finish()
        self.seconds = now() - began


@pytest.mark.parametrize(
    ("bodies", "reason", "words"),
    [
        ((EVENT,), "rotated", b"retry: #\n\n"),
        ((), "rotated", b"retry: #\n\n"),
        ((b"data: x\r\n\r\n",), "rotated", b"retry: #\n\n"),
        ((b"data: x\n", b"\n"), "rotated", b"retry: #\n\n"),
        ((bytearray(EVENT), memoryview(EVENT)), "rotated", b"retry: #\n\n"),
        # Its client drops the half that it has.
        ((EVENT, b"data: y\n"), "rotated", b""),
        ((EVENT, b"data: y\n"), "shutdown", b""),
        # It comes back to whatever did not say its end.
        ((current_stream().hello(), EVENT), "shutdown", b"retry: #\n\n"),
        ((b"data: {}\r\nevent: sse.hello\r\n\r\n", EVENT), "shutdown", b"retry: #\n\n"),
        (
            (EVENT,),
            "shutdown",
            b"retry: #\n\nevent: error\ndata: " + SHUTDOWN + b"\n\n",
        ),
    ],
)
def test_a_client_is_left_with_what_it_needs(bodies, reason, words):
    """When to come back; and where it cannot, that it was not the end."""
    played = Played(start(), *map(body, bodies))

    last = played.ended(reason)

    head, _, tail = last.partition(b"retry: ")
    number = tail.partition(b"\n")[0]
    assert words == (head + b"retry: #" + tail[len(number) :] if number else last)
    assert played.got[-1]["more_body"] is False
    assert b"of a task of its own" not in [message.get("body") for message in played.got]


def test_into_a_compressed_body_nothing_is_written():
    """Its client could read neither that nor what came before."""
    headers = [*STREAM_HEADERS, (b"content-encoding", b"gzip")]

    assert Played(start(headers=headers), body(b"\x1f\x8b")).ended("rotated") == b""


def test_a_client_that_reads_nothing_holds_up_nobody():
    """Two seconds for the last words, no more."""
    played = Played(start(), body(EVENT), blocks=True)

    played.ended("shutdown")

    assert played.seconds == pytest.approx(2)


@pytest.mark.parametrize("last", [END, body(b"", more=False)])
def test_what_has_ended_is_not_ended_again(last):
    """Its application may still have work to do, and is not interrupted."""

    async def main():
        async def app():
            for message in (start(), body(EVENT), last):
                await response.send(message)
            await asyncio.sleep(10)
            return "worked"

        async def inner(message):
            pass

        task = asyncio.create_task(app())
        response = Response(inner, task, lambda _: None)
        await asyncio.sleep(1)
        response.end("rotated")
        assert await task == "worked"
        assert response.reason is None

    run(main())


@pytest.mark.parametrize(
    ("message", "streams"),
    [
        (start(), 1),
        (start(201), 1),
        (start(headers=iter(STREAM_HEADERS)), 1),
        (start(404), 0),
        (start(headers=[(b"content-type", b"application/json")]), 0),
    ],
)
def test_a_stream_is_known_by_its_headers(message, streams):
    """Whatever else is answered is none of our business; an iterator is read once."""
    played = Played(message)

    played.ended("rotated")

    assert len(played.opened) == streams
    assert list(played.got[0]["headers"])
