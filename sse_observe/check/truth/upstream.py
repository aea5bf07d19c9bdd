"""
The scripted upstream: an HTTP server that answers every request with a run, and keeps what it sent.

Each answer has a name of its own, which stands in each of its pieces. Bounded in connections and
in the time and size of each.
"""

import asyncio
import contextlib
import re
import secrets
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import h11

from sse_observe.check.truth.phrases import PHRASES, Phrases
from sse_observe.check.truth.script import (
    Cut,
    End,
    Failure,
    Pause,
    Raw,
    Repeated,
    Run,
    Step,
)
from sse_observe.errors import CheckError

MOST_CONNECTIONS = 64
_MOST_REQUEST_BYTES = 10 << 20
_REQUEST_SECONDS = 30.0
_HEADERS = [
    ("Content-Type", "text/event-stream"),
    ("Cache-Control", "no-cache, no-transform"),
    ("X-Accel-Buffering", "no"),
    ("Connection", "close"),
]
# An end that cannot be taken for an orderly one, not even over HTTP/1.0: a reset.
_RESET = struct.pack("ii", 1, 0)
_BEFORE_CUT_SECONDS = 0.2
_MARK = re.compile(r"sse([0-9a-f]{8})n(\d{1,6})z")


class Mark(NamedTuple):
    """A piece as it can be found again in whatever a gateway makes of it."""

    answer: str
    number: int

    def __str__(self) -> str:
        """Return it as text of letters and digits alone."""
        return f"sse{self.answer}n{self.number}z"


def marks(text: str) -> list[Mark]:
    """Return the pieces that a text holds, in order."""
    return [Mark(answer, int(number)) for answer, number in _MARK.findall(text)]


@dataclass
class Answer:
    """One answer of the upstream: what was sent, and when (Unix times)."""

    run: Run
    name: str = field(default_factory=lambda: secrets.token_hex(4))
    pieces: list[float] = field(default_factory=list)
    """The time of each piece, by its number."""
    heartbeats: list[float] = field(default_factory=list)
    left_at: float | None = None
    """When the upstream saw that nobody reads any more."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nothing more is sent."""


class Upstream:
    """The server; `run` is what the next requests are answered with."""

    def __init__(self, protocol: str) -> None:
        self._phrases: Phrases = PHRASES[protocol]
        self.run: Callable[[], Run] | None = None
        self.answers: list[Answer] = []
        self.asked = asyncio.Event()
        """Set whenever an answer has begun."""
        self._open = 0

    def by_name(self, name: str) -> Answer | None:
        """Return the answer of a name."""
        return next((answer for answer in self.answers if answer.name == name), None)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        self._open += 1
        try:
            if self._open > MOST_CONNECTIONS or self.run is None:
                return
            async with asyncio.timeout(_REQUEST_SECONDS):
                http, method = await _request(reader)
            await self._answer(http, method, self.run(), reader, writer)
        except (OSError, TimeoutError, h11.ProtocolError, asyncio.CancelledError):
            # Whoever speaks like that gets no answer, and the test goes on. This task is asyncio's
            # own: one that is cancelled at the end would be printed as a fault.
            pass
        finally:
            self._open -= 1
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    async def _answer(
        self,
        http: h11.Connection,
        method: str,
        run: Run,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        writer.write(http.send(h11.Response(status_code=200, headers=_HEADERS)) or b"")
        if method == "HEAD":
            await writer.drain()
            return
        answer = Answer(run)
        self.answers.append(answer)
        self.asked.set()
        playing = asyncio.create_task(self._play(answer, http, writer))
        leaving = asyncio.create_task(_left(reader))
        try:
            await asyncio.wait({playing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done() and not playing.done():
                answer.left_at = time.time()
        finally:
            answer.over.set()
            for task in (playing, leaving):
                task.cancel()
            failed = await asyncio.gather(playing, leaving, return_exceptions=True)
            if isinstance(failed[0], OSError):
                answer.left_at = answer.left_at or time.time()

    async def _play(
        self, answer: Answer, http: h11.Connection, writer: asyncio.StreamWriter
    ) -> None:
        async def say(phrase: bytes) -> None:
            writer.write(http.send(h11.Data(data=phrase)) or b"")
            await writer.drain()

        if self._phrases.opening:
            await say("".join(self._phrases.opening).encode())
        for step in answer.run.steps:
            if isinstance(step, Cut):
                # What was sent before it has to arrive: a reset overtakes it.
                await asyncio.sleep(_BEFORE_CUT_SECONDS)
                own: socket.socket = writer.get_extra_info("socket")
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()
                return
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            elif isinstance(step, Repeated):
                for _ in range(step.count):
                    await say(self._event(answer, step))
                    await asyncio.sleep(step.every)
            else:
                await say(self._phrase(step))
        writer.write(http.send(h11.EndOfMessage()) or b"")
        await writer.drain()

    def _event(self, answer: Answer, step: Repeated) -> bytes:
        """Return the next event of a kind, and keep its time."""
        if step.kind == "heartbeats":
            answer.heartbeats.append(time.time())
            return b": heartbeat\n\n"
        answer.pieces.append(time.time())
        return self._phrases.says(f"{Mark(answer.name, len(answer.pieces) - 1)} ")

    def _phrase(self, step: Step) -> bytes:
        match step:
            case Failure(words=words):
                return self._phrases.fails(words)
            case Raw(text=text):
                return text.encode()
            case End():
                return "".join(self._phrases.end).encode()
        raise AssertionError(step)


async def _request(reader: asyncio.StreamReader) -> tuple[h11.Connection, str]:
    """Read a whole request, its body too."""
    http, method, size = h11.Connection(h11.SERVER), "GET", 0
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(1 << 16)
            size += len(data)
            if size > _MOST_REQUEST_BYTES:
                raise OSError
            http.receive_data(data)
        elif isinstance(event, h11.Request):
            method = event.method.decode()
        elif isinstance(event, h11.EndOfMessage):
            return http, method
        elif isinstance(event, h11.ConnectionClosed):
            raise OSError


async def _left(reader: asyncio.StreamReader) -> None:
    """Return when whoever asked has gone."""
    with contextlib.suppress(OSError):
        while await reader.read(1 << 16):
            pass


@asynccontextmanager
async def serving(upstream: Upstream, host: str, port: int) -> AsyncIterator[None]:
    """Serve an upstream on an address while the block runs."""
    try:
        server = await asyncio.start_server(upstream.serve, host, port)
    except OSError as error:
        reason = (error.strerror or "cannot be opened").lower()
        raise CheckError(
            f"--upstream-listen {host}:{port}: {reason}; choose another address"
        ) from None
    try:
        yield
    finally:
        server.close()
