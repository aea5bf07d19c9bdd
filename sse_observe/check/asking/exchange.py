"""
One exchange: a question put, its answer recorded within bounds. Every failure is a recording too.

Follows a few redirects, as a browser does; repeats nothing.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib.metadata import version

from sse_observe.check.asking import http1, http2
from sse_observe.check.asking.connection import Connection, Dialing, Phase, connect
from sse_observe.check.asking.failures import AskError
from sse_observe.check.asking.http1 import Ended, Head, Part, Piece
from sse_observe.check.asking.question import SAFE_METHODS, Header, Question
from sse_observe.check.asking.recording import End, Read, Recording
from sse_observe.check.asking.watch import Watch
from sse_observe.check.reading.decoding import DecodingError, decoder
from sse_observe.check.reading.dialect import Speech
from sse_observe.check.reading.event_log import EventLog
from sse_observe.wire import WireError

REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
# A body that stands beside a redirect or an error is read for so long: its words may help.
_AFTERWORD_SECONDS = 1.0

Follow = Callable[[Question, Question], bool]
"""Whether to go from one question to the next."""


def follow_all(_: Question, __: Question) -> bool:
    """Go wherever a redirect leads, as browsers do."""
    return True


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How questions are put: over which connections, understood in which speech."""

    dialing: Dialing = field(default_factory=Dialing)
    speech: Speech = field(default_factory=Speech)
    follow: Follow = follow_all
    agent: str = field(default_factory=lambda: f"sse-observe-check/{version('sse-observe')}")
    accept: str = "text/event-stream"

    def headers(self, question: Question, accepts: str) -> list[Header]:
        """Return the headers of a request; the user's own go before ours."""
        ours = [
            ("Accept", self.accept),
            ("Accept-Encoding", accepts),
            ("Cache-Control", "no-cache"),
            ("User-Agent", self.agent),
        ]
        if question.body and not question.has("content-type"):
            ours.append(("Content-Type", "application/json"))
        given = {name.lower() for name, _ in question.headers}
        return [
            *(pair for pair in ours if pair[0].lower() not in given),
            *question.sent_headers,
        ]


async def ask(
    question: Question,
    watch: Watch,
    asking: Asking,
    *,
    accepts: str = "identity",
    on_change: Callable[[Recording], None] = lambda _: None,
) -> Recording:
    """
    Ask once, and return what was seen until `watch` had enough.

    `on_change` is called with the recording when its head is known and whenever more has come.
    """
    recording = Recording(question, time.time(), accepts, log=EventLog(asking.speech))
    exchange = _Exchange(recording, watch, asking, on_change)
    try:
        await exchange.run()
    except AskError as error:
        recording.failure = error
        recording.ended_at = exchange.now
    on_change(recording)
    return recording


class _Exchange:
    """One exchange under way."""

    def __init__(
        self,
        recording: Recording,
        watch: Watch,
        asking: Asking,
        on_change: Callable[[Recording], None],
    ) -> None:
        self._recording = recording
        self._watch = watch
        self._asking = asking
        self._on_change = on_change
        self._began = time.perf_counter()
        self._frame = 0
        self._read_bytes = 0
        self._paused = False

    @property
    def now(self) -> float:
        """Seconds since the request was begun."""
        return time.perf_counter() - self._began

    def _reached(self, phase: Phase) -> None:
        self._recording.phases[phase] = self.now

    async def run(self) -> None:
        """Ask, follow redirects, and read until there is enough."""
        question = self._recording.question
        for _ in range(_MOST_REDIRECTS + 1):
            following = await self._one(question)
            if following is None:
                return
            if not self._asking.follow(question, following):
                raise AskError("redirect", f"{question.shown}: redirects to {following.shown}")
            self._recording.redirects.append(following.url)
            question = following
        raise AskError("redirect", f"{question.shown}: redirects more than {_MOST_REDIRECTS} times")

    async def _one(self, question: Question) -> Question | None:
        """Put one question; return the next one where the answer redirects."""
        recording = self._recording
        connection = await connect(question.origin, self._asking.dialing, self._reached)
        try:
            recording.address = connection.address
            recording.alpn, recording.tls = connection.protocol, connection.tls
            recording.certificate_expires = connection.certificate_expires
            speak = http2.converse if connection.protocol == "h2" else http1.converse
            headers = self._asking.headers(question, recording.accepts)
            async with aclosing(speak(connection, question, headers)) as parts:
                return await self._read(question, connection, parts)
        finally:
            connection.close()

    async def _read(
        self, question: Question, connection: Connection, parts: AsyncGenerator[Part, None]
    ) -> Question | None:
        recording = self._recording
        decode = decoder("identity")
        limit = float("inf")
        while True:
            try:
                part = await self._next(parts, limit)
            except TimeoutError:
                self._give_up(question)
                return None
            match part:
                case Head(http=http, status=status, headers=headers):
                    recording.http, recording.status, recording.headers = http, status, headers
                    self._reached("headers")
                    following = _following(question, recording)
                    if following is not None:
                        return following
                    recording.log.answered([(n.encode(), v.encode()) for n, v in headers])
                    decode = decoder(recording.encoding)
                    if not recording.is_stream:
                        limit = self.now + _AFTERWORD_SECONDS
                    self._on_change(recording)
                case Piece():
                    if self._take(part, decode):
                        return None
                case Ended(complete=complete):
                    recording.log.finish()
                    await self._finish(connection, complete=complete)
                    return None
                case None:
                    self._end("cut")
                    return None

    async def _finish(self, connection: Connection, *, complete: bool) -> None:
        """Take the end of the answer; where it was asked for, that of the connection."""
        waits = self._watch.until_closed and complete and self._recording.http != "2"
        try:
            async with asyncio.timeout(max(self._watch.seconds - self.now, 0) if waits else None):
                while waits and await connection.read():
                    pass
        except TimeoutError:
            self._end("left")
        except OSError:
            self._end("complete")
        else:
            self._end("complete" if complete else "cut")

    async def _next(self, parts: AsyncIterator[Part], limit: float) -> Part | None:
        """Return the next part; TimeoutError where there is enough before it comes."""
        pause = self._watch.pause
        if pause is not None and not self._paused and self.now >= pause.after:
            self._paused = True
            await asyncio.sleep(pause.seconds)
        end = min(self._watch.end(self._recording), limit)
        async with asyncio.timeout(max(end - self.now, 0)):
            return await anext(parts, None)

    def _take(self, piece: Piece, decode: Callable[[bytes], bytes] | None) -> bool:
        """Record a piece of the body; return whether that was enough."""
        recording = self._recording
        self._frame += len(piece.data)
        if piece.frame_ends:
            recording.frames.append(self._frame)
            self._frame = 0
        if not piece.data:
            return False
        now = self.now
        recording.reads.append(Read(now, len(piece.data)))
        if decode is None:
            recording.unreadable = f"content-encoding {recording.encoding}: not known"
            self._end("unreadable")
            return True
        try:
            recording.log.feed(now, decode(piece.data))
        except (DecodingError, WireError) as error:
            recording.unreadable = str(error)
            self._end("unreadable")
            return True
        self._read_bytes += len(piece.data)
        if self._read_bytes > self._watch.most_bytes:
            self._end("too_large")
            return True
        self._on_change(recording)
        return False

    def _give_up(self, question: Question) -> None:
        """Leave; where not even a head has come, that is a failure."""
        if not self._recording.status:
            raise AskError(
                "timeout",
                f"{question.shown}: no answer within {self.now:.0f} s; "
                "it hangs, or something holds the answer back until its end",
            )
        self._end("left")

    def _end(self, how: End) -> None:
        self._recording.end = how
        self._recording.ended_at = self.now


def _following(question: Question, recording: Recording) -> Question | None:
    location = recording.header("location")
    if recording.status not in REDIRECTS or not location:
        return None
    following = question.redirected(recording.status, location)
    if question.method not in SAFE_METHODS and following.method != question.method:
        # The question would be another one, and its answer none to ours.
        return None
    return following
