"""
The reads of a stream: from an offset to its end, then waiting for more, as a poll or as events.

Knows the protocol's rules for readers.
"""

import asyncio
import hashlib
from collections.abc import Mapping

from sse_observe.asgi import Receive, Send
from sse_observe.middleware.current_stream import current_stream
from sse_observe.reference.durable_streams.cursor import next_cursor
from sse_observe.reference.durable_streams.events import events_of
from sse_observe.reference.durable_streams.live import Live, Waiting
from sse_observe.reference.durable_streams.logs import Log, Logs, missing
from sse_observe.reference.durable_streams.messages import joined
from sse_observe.reference.durable_streams.part import Part
from sse_observe.reference.durable_streams.requests import Read
from sse_observe.reference.replies import RefusedError

_SSE_HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}


class Reading:
    """The reads that clients may ask for."""

    def __init__(
        self,
        logs: Logs,
        live: Live,
        *,
        long_poll_seconds: float,
        sse_seconds: float,
        send_seconds: float,
    ) -> None:
        self._logs = logs
        self._live = live
        self._long_poll_seconds = long_poll_seconds
        self._sse_seconds = sse_seconds
        self._send_seconds = send_seconds

    async def _log(self, name: str, asked: Read) -> tuple[Log, int]:
        """Return the stream with what follows the offset, and the offset's position."""
        position = 0 if asked.offset is None else asked.offset.position
        log = await self._logs.get(name, position - 1)
        if asked.now:
            return log, log.end
        if asked.offset is not None and position:
            if asked.offset.epoch != log.facts.epoch:
                raise RefusedError(410, "the offset is of a stream that this name had before")
            if position > log.end:
                raise RefusedError(400, "the offset lies behind the stream's end")
        return log, position

    async def catch_up(
        self, name: str, asked: Read, headers: Mapping[str, str], receive: Receive, send: Send
    ) -> None:
        """Answer a GET with what there is; a long poll waits where there is nothing."""
        if asked.live == "long-poll":
            await self._long_poll(name, asked, headers, receive, send)
            return
        log, position = await self._log(name, asked)
        if asked.now:
            fields = {
                "content-type": log.facts.content_type,
                "cache-control": "no-store",
                **self._fields(Part(_without_frames(log), position)),
            }
            await _send(send, 200, fields, b"[]" if log.facts.is_json else b"")
            return
        await self._give(Part(log, position), asked, headers, send)

    async def _long_poll(
        self, name: str, asked: Read, headers: Mapping[str, str], receive: Receive, send: Send
    ) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._long_poll_seconds
        async with self._live.read(name, receive) as waiting:
            log, position = await self._log(name, asked)
            while position >= log.end and not (log.facts.closed or waiting.is_over):
                if loop.time() >= deadline:
                    break
                await waiting.until(deadline)
                log = await self._logs.get(name, position - 1)
        part = Part(log, position)
        if position >= log.end:
            fields = self._fields(part)
            if not log.facts.closed:
                fields["stream-cursor"] = next_cursor(asked.cursor)
            await _send(send, 204, fields)
            return
        await self._give(part, asked, headers, send)

    async def _give(self, part: Part, asked: Read, headers: Mapping[str, str], send: Send) -> None:
        facts = part.log.facts
        if part.lost:
            earliest = {"stream-earliest-offset": str(facts.offset(part.first))}
            raise RefusedError(
                410,
                f"{part.lost} messages after this offset are held no more",
                *((name.encode(), value.encode()) for name, value in earliest.items()),
            )
        fields = {
            "content-type": facts.content_type,
            "cache-control": "private, max-age=60, stale-while-revalidate=300",
            **self._fields(part),
        }
        if asked.live:
            fields["stream-cursor"] = next_cursor(asked.cursor)
            fields["cache-control"] = "no-store"
        closed = ":c" if part.is_final else ""
        name = hashlib.sha256(part.log.name.encode()).hexdigest()[:16]
        fields["etag"] = f'"{name}:{asked.text}:{facts.offset(part.end)}{closed}"'
        if headers.get("if-none-match") == fields["etag"]:
            await _send(send, 304, {"etag": fields["etag"]})
            return
        await _send(send, 200, fields, joined(facts, part.frames))

    @staticmethod
    def _fields(part: Part) -> dict[str, str]:
        fields = {"stream-next-offset": str(part.log.facts.offset(part.end))}
        if part.is_up_to_date:
            fields["stream-up-to-date"] = "true"
        if part.is_final:
            fields["stream-closed"] = "true"
        return fields

    async def events(self, name: str, asked: Read, receive: Receive, send: Send) -> None:
        """Answer with an event stream: messages, and after each batch where they lead."""
        async with self._live.read(name, receive) as waiting:
            log, position = await self._log(name, asked)
            fields = dict(_SSE_HEADERS)
            if not log.facts.is_text:
                fields["stream-sse-data-encoding"] = "base64"
            start = {"type": "http.response.start", "status": 200, "headers": _pairs(fields)}
            await send(start)
            given = _without_frames(log) if asked.now else log
            try:
                await self._follow(Part(given, position), asked.cursor, waiting, send)
            except TimeoutError:
                current_stream().end_reason("slow_consumer")

    async def _follow(self, part: Part, cursor: str, waiting: Waiting, send: Send) -> None:
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._sse_seconds
        while True:
            more = not (part.is_final or waiting.is_over) and loop.time() < ends_at
            async with asyncio.timeout(self._send_seconds):
                await _body(send, events_of(part, cursor), more=more)
            if not more:
                return
            deadline = min(ends_at, loop.time() + self._long_poll_seconds)
            following = await self._next(part, waiting, deadline)
            if following is None:
                await _body(send, b"", more=False)
                return
            part = following

    async def _next(self, part: Part, waiting: Waiting, deadline: float) -> Part | None:
        """Return what follows a part, empty after the deadline; None once the stream is gone."""
        loop = asyncio.get_running_loop()
        while True:
            if part.is_up_to_date:
                await waiting.until(deadline)
            log = await self._logs.find(part.log.name, part.end - 1)
            if log is None or log.facts.epoch != part.log.facts.epoch or log.facts.deleted:
                return None
            found = Part(log, part.end)
            # Others are woken for changes of the facts, too.
            is_news = found.frames or found.lost or found.is_final
            if is_news or waiting.is_over or loop.time() >= deadline:
                return found

    async def aclose(self) -> None:
        """End the live reads."""
        await self._live.aclose()


def _without_frames(log: Log) -> Log:
    return Log(log.name, log.facts, log.writer, log.end)


def _pairs(fields: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]


async def _send(send: Send, status: int, fields: Mapping[str, str], body: bytes = b"") -> None:
    headers = _pairs(fields)
    if status not in (204, 304):
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await _body(send, body, more=False)


async def _body(send: Send, body: bytes, *, more: bool) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


def absent(name: str) -> RefusedError:
    """Return the refusal of a name that no stream can have."""
    return missing() if name else RefusedError(404, "name a stream in the path")
