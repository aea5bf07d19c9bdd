"""
The reference endpoint as an ASGI application: paths, parameters, cursors, and its life cycle.

Knows HTTP; what is kept is the store's business, what is produced the application's, and what
an open response does the reader's.
"""

import asyncio
import inspect
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sse_observe import current_stream
from sse_observe.errors import SettingsError
from sse_observe.middleware.current_stream import CurrentStream
from sse_observe.middleware.server_state import exiting
from sse_observe.reference.cursor import new_epoch, new_stream_id, parse_cursor
from sse_observe.reference.http import (
    Receive,
    RefusedError,
    Scope,
    Send,
    body_params,
    header,
    query_params,
    reply,
)
from sse_observe.reference.losses import Losses
from sse_observe.reference.producers import Produce, Producers, demonstration
from sse_observe.reference.reader import DONE, HEADERS, Manner, Reader
from sse_observe.reference.store import (
    MemoryStore,
    Page,
    StoreFullError,
    Stream,
    StreamStore,
    Usage,
)

STREAM_PATH = "/api/v1/stream"
CREATE_PATH = "/api/v1/streams"
_ALLOWED = {STREAM_PATH: ("GET", "HEAD", "OPTIONS"), CREATE_PATH: ("POST", "OPTIONS")}
# What the contract itself puts into the query; everything else is the producer's.
_OURS = {"stream_id", "last_event_id", "mode", "network_type"}
_SWEEP_SECONDS = 60
_LATER = (b"retry-after", b"5")


@dataclass(frozen=True, slots=True)
class _Opening:
    """What a GET asked for: a stream, from where, and what became of its cursor."""

    stream: Stream
    page: Page
    resumed_from: str | None
    seq: int | None
    outcome: str | None


class ReferenceApp:
    """
    An ASGI application that keeps the stream contract; see `reference_app`.

    Runs alone or mounted under any prefix. Alone it shuts down with the server's lifespan;
    where it is mounted, no lifespan arrives, and `aclose()` may be awaited instead.
    """

    def __init__(
        self,
        produce: Produce,
        store: StreamStore,
        manner: Manner,
        *,
        drain_seconds: float,
        max_connections: int,
        max_params_bytes: int,
    ) -> None:
        self._store = store
        self._manner = manner
        self._drain_seconds = drain_seconds
        self._max_connections = max_connections
        self._max_params_bytes = max_params_bytes
        self._producers = Producers(produce, store)
        self._losses = Losses()
        self._readers: set[Reader] = set()
        self._caretaker: asyncio.Task[None] | None = None
        self._closed = False
        # Evictions and the buffer's size belong to no response; the latest one speaks for them.
        self._latest: CurrentStream | None = None
        self._evictions_told = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, or follow the server's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            try:
                await self._answer(scope, receive, send)
            except RefusedError as refusal:
                await reply(send, refusal.status, f"{refusal}\n", *refusal.headers)
            except StoreFullError as full:
                await reply(send, 503, f"{full}\n", _LATER)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    async def create(self, params: Mapping[str, Any] | None = None) -> Stream:
        """Create a stream and start its producer; raise StoreFullError without room."""
        stream = Stream(new_stream_id(), new_epoch())
        await self._store.create(stream)
        self._producers.start(stream, params or {})
        if self._caretaker is None or self._caretaker.done():
            self._caretaker = asyncio.create_task(self._take_care())
        return stream

    async def aclose(self) -> None:
        """End every response in order, refuse new ones, and cancel every task."""
        await self._close()
        if self._caretaker is not None:
            self._caretaker.cancel()
            await asyncio.wait([self._caretaker])

    async def _close(self) -> None:
        self._closed = True
        for reader in tuple(self._readers):
            reader.close()
        await self._producers.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self.aclose()
            else:
                self._closed = False
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _take_care(self) -> None:
        """Sweep each minute, report each second, and notice the server's end."""
        ticks = 0
        while (usage := await self._store.usage()).streams:
            self._report(usage)
            await asyncio.sleep(1)
            if exiting():
                # The lifespan event comes only when all responses have ended.
                await asyncio.sleep(self._drain_seconds)
                await self._close()
                return
            ticks += 1
            if ticks % _SWEEP_SECONDS == 0:
                await self._sweep()
        self._report(usage)

    async def _sweep(self) -> None:
        swept = await self._store.sweep()
        self._producers.evicted += swept.evicted
        for stream_id in swept.streams:
            await self._producers.stop(stream_id)

    def _report(self, usage: Usage) -> None:
        """Tell the observer what happened outside of any response."""
        here = self._latest
        if here is None:
            return
        here.buffered(usage.events)
        fresh, self._evictions_told = (
            self._producers.evicted - self._evictions_told,
            self._producers.evicted,
        )
        if fresh:
            here.evicted(fresh)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        root, path, method = scope.get("root_path", ""), scope["path"], scope["method"]
        if root and path.startswith(root):
            path = path[len(root) :]
        allowed = _ALLOWED.get(path)
        if allowed is None:
            raise RefusedError(404, f"not found; streams are at {root}{STREAM_PATH}")
        allow = (b"allow", ", ".join(allowed).encode())
        if self._closed:
            raise RefusedError(503, "the server is shutting down; retry", _LATER)
        if method == "OPTIONS":
            await reply(send, 204, "", allow)
        elif method not in allowed:
            await reply(send, 405, f"{method} is not allowed here\n", allow)
        elif method == "POST":
            stream = await self.create(await body_params(receive, self._max_params_bytes))
            # A mount's prefix may hold what the client wrote there, line ends included.
            url = f"{quote(root + STREAM_PATH)}?stream_id={quote(stream.id)}"
            created = json.dumps({"stream_id": stream.id, "url": url})
            await reply(send, 201, created, (b"location", url.encode()), kind="application/json")
        else:
            await self._open(scope, receive, send)

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = query_params(scope, self._max_params_bytes)
        if scope["method"] == "HEAD":
            await self._head(query, send)
            return
        polled = query.get("mode") == "poll"
        if not polled and len(self._readers) >= self._max_connections:
            raise RefusedError(503, "too many connections are open; retry later", _LATER)
        stream, cursor, outcome = await self._locate(scope, query)
        here = self._latest = current_stream()
        reader = Reader(self._store, stream, here, self._manner)
        # Watch first, read then: whatever is published from here on wakes the reader.
        async with self._store.watch(stream.id, reader.wake):
            opening = await self._position(stream, cursor, outcome)
            page = opening.page
            if page.state != "open" and not page.frames and not page.lost:
                await _nothing_left(page, send)
                return
            self._tell(here, opening)
            hello = self._hello(here, opening)
            if polled:
                here.polled()
                await _poll(hello, page, send)
                return
            self._readers.add(reader)
            try:
                await reader.run(page, hello, receive, send)
            finally:
                self._readers.discard(reader)

    async def _head(self, query: Mapping[str, str], send: Send) -> None:
        stream_id = query.get("stream_id")
        if stream_id is not None and await self._store.find(stream_id) is None:
            raise _unknown()
        await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _locate(
        self, scope: Scope, query: Mapping[str, str]
    ) -> tuple[Stream, str, str | None]:
        """Return the stream, the cursor as it was sent, and its outcome if that is settled."""
        text = header(scope, b"last-event-id") or query.get("last_event_id", "")
        cursor = parse_cursor(text)
        epoch = cursor.epoch if cursor else None
        stream_id = query.get("stream_id")
        if stream_id is not None:
            found = await self._store.find(stream_id)
            if found is None:
                raise _unknown()
        else:
            found = await self._store.find_epoch(epoch) if epoch else None
        outcome = None
        if text and cursor is None:
            outcome = "malformed"
        elif cursor and (found is None or epoch not in (None, found.epoch)):
            outcome = "unknown_stream"
        if found is None:
            found = await self.create({k: v for k, v in query.items() if k not in _OURS})
        return found, text, outcome

    async def _position(self, stream: Stream, text: str, outcome: str | None) -> _Opening:
        """Read what the client has not seen; a cursor that cannot be starts from the start."""
        cursor = parse_cursor(text) if outcome is None else None
        if cursor is not None:
            page = await self._read(stream, cursor.seq)
            if cursor.seq <= page.last:
                return _Opening(stream, page, text, cursor.seq, "gap" if page.lost else "full")
            # An event that was never sent cannot have been seen.
            outcome = "malformed"
        return _Opening(stream, await self._read(stream, -1), None, None, outcome)

    async def _read(self, stream: Stream, after: int) -> Page:
        page = await self._store.read(stream.id, after)
        if page is None:
            raise _unknown()
        return page

    def _tell(self, here: CurrentStream, opening: _Opening) -> None:
        if opening.outcome is not None:
            here.resume(opening.outcome)
        lost = self._losses.fresh(opening.stream.epoch, opening.seq, opening.page.lost)
        if lost:
            here.lost(lost)
        if opening.resumed_from is not None and opening.page.frames:
            here.replayed(len(opening.page.frames))

    def _hello(self, here: CurrentStream, opening: _Opening) -> bytes:
        resumed = opening.resumed_from is not None
        return here.hello(
            stream=opening.stream.id,
            resumed_from=opening.resumed_from,
            replayed=len(opening.page.frames) if resumed else 0,
            lost=opening.page.lost,
            heartbeat_seconds=self._manner.heartbeat_seconds,
        )


def _unknown() -> RefusedError:
    # Not a fresh stream: its parameters are gone, and the answer would be to no question.
    return RefusedError(404, f"no such stream; create one by POST {CREATE_PATH}")


async def _nothing_left(page: Page, send: Send) -> None:
    """Tell a client that has everything to stay away, so that it does not ask for ever."""
    if page.state == "failed":
        raise RefusedError(410, "the stream failed; create a new one")
    await reply(send, 204)


async def _poll(hello: bytes, page: Page, send: Send) -> None:
    body = hello + b"".join(page.frames) + (DONE if page.state == "done" else b"")
    headers = [*HEADERS, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def reference_app(
    *,
    produce: Produce | None = None,
    store: StreamStore | None = None,
    heartbeat_seconds: float = 10,
    send_timeout_seconds: float = 30,
    drain_seconds: float = 10,
    max_connections: int = 10_000,
    max_params_bytes: int = 8192,
    unix_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> ReferenceApp:
    """
    Return the reference endpoint: `GET /api/v1/stream` and `POST /api/v1/streams`.

    `produce(stream_id, params)` is an async generator function that yields the payload of each
    event; it runs once per stream, whoever is connected. The default streams a short
    demonstration. `store` defaults to a bounded `MemoryStore()`. A client that takes nothing
    for `send_timeout_seconds` is let go; on SIGTERM (uvicorn) open responses may go on for
    `drain_seconds`.
    """
    seconds = {
        "heartbeat_seconds": heartbeat_seconds,
        "send_timeout_seconds": send_timeout_seconds,
        "max_connections": max_connections,
        "max_params_bytes": max_params_bytes,
    }
    for name, value in seconds.items():
        if not value > 0:
            raise SettingsError(f"reference_app: {name}={value!r} is wrong; give more than 0")
    if not drain_seconds >= 0:
        raise SettingsError(f"reference_app: drain_seconds={drain_seconds!r}; give 0 or more")
    if produce is not None and (not callable(produce) or inspect.iscoroutinefunction(produce)):
        raise SettingsError(
            f"reference_app: produce={produce!r} is no async generator function; "
            "write `async def produce(stream_id, params): ... yield text`"
        )
    return ReferenceApp(
        produce or demonstration,
        store or MemoryStore(),
        Manner(heartbeat_seconds, send_timeout_seconds, unix_ms),
        drain_seconds=drain_seconds,
        max_connections=max_connections,
        max_params_bytes=max_params_bytes,
    )
