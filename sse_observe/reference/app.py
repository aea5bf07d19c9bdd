"""
The reference endpoint as an ASGI application: its paths, its methods, and its life cycle.

Knows HTTP; what is kept is the store's business, what is produced the application's, and what
an open response does the reader's.
"""

import inspect
import json
import time
from collections.abc import Callable
from urllib.parse import quote

from sse_observe.asgi import (
    Receive,
    Scope,
    Send,
    content_length,
    follow_lifespan,
    header,
    refuse_websocket,
)
from sse_observe.errors import SettingsError
from sse_observe.middleware.current_stream import CurrentStream, current_stream
from sse_observe.reference.caretaker import Caretaker
from sse_observe.reference.cursor import new_epoch, new_stream_id
from sse_observe.reference.losses import Losses
from sse_observe.reference.memory_store import MemoryStore
from sse_observe.reference.opening import CREATE_PATH, Opening, Openings
from sse_observe.reference.params import body_params, query_params
from sse_observe.reference.producers import Params, Produce, Producers, demonstration
from sse_observe.reference.reader import END, HEADERS, Reader, Timing
from sse_observe.reference.replies import RefusedError, reply
from sse_observe.reference.store import StoreFullError, Stream, StreamStore

STREAM_PATH = "/api/v1/stream"
_ALLOWED = {STREAM_PATH: ("GET", "HEAD", "OPTIONS"), CREATE_PATH: ("POST", "OPTIONS")}
_LATER = (b"retry-after", b"5")


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
        timing: Timing,
        *,
        drain_seconds: float,
        max_connections: int,
        max_params_bytes: int,
    ) -> None:
        self._store = store
        self._timing = timing
        self._max_connections = max_connections
        self._max_params_bytes = max_params_bytes
        self._producers = Producers(produce, store)
        self._caretaker = Caretaker(store, self._producers, self._close, drain_seconds)
        self._openings = Openings(store, self.create)
        self._losses = Losses()
        self._readers: set[Reader] = set()
        self._closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, or follow the server's life."""
        if scope["type"] == "lifespan":
            self._closed = False
            await follow_lifespan(receive, send, self.aclose)
        elif scope["type"] == "websocket":
            await refuse_websocket(send)
        else:
            try:
                await self._answer(scope, receive, send)
            except RefusedError as refusal:
                await refusal.reply(send)
            except StoreFullError as full:
                await reply(send, 503, f"{full}\n", _LATER)

    async def create(self, params: Params | None = None) -> Stream:
        """Create a stream and start its producer; raise StoreFullError where all are held."""
        stream = Stream(new_stream_id(), new_epoch())
        await self._store.create(stream)
        self._producers.start(stream, params or {})
        self._caretaker.start()
        return stream

    async def aclose(self) -> None:
        """End every response in order, refuse new ones, and cancel every task."""
        await self._close()
        await self._caretaker.stop()

    async def _close(self) -> None:
        self._closed = True
        for reader in tuple(self._readers):
            reader.close()
        await self._producers.close()

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
            raise RefusedError(405, f"{method} is not allowed here", allow)
        elif method == "POST":
            await self._post(root, receive, send)
        elif method == "HEAD":
            await self._head(scope, send)
        else:
            await self._get(scope, receive, send)

    async def _post(self, root: str, receive: Receive, send: Send) -> None:
        stream = await self.create(await body_params(receive, self._max_params_bytes))
        # A mount's prefix may hold what the client wrote there, line ends included.
        url = f"{quote(root + STREAM_PATH)}?stream_id={quote(stream.id)}"
        created = json.dumps({"stream_id": stream.id, "url": url})
        await reply(send, 201, created, (b"location", url.encode()), kind="application/json")

    async def _head(self, scope: Scope, send: Send) -> None:
        query = query_params(scope, self._max_params_bytes)
        if "stream_id" in query:
            await self._openings.named(query["stream_id"])
        await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _get(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = query_params(scope, self._max_params_bytes)
        is_poll = query.get("mode") == "poll"
        if not is_poll and len(self._readers) >= self._max_connections:
            raise RefusedError(503, "too many connections are open; retry later", _LATER)
        cursor = header(scope["headers"], b"last-event-id") or b""
        asked = await self._openings.asked(query, cursor.decode("latin-1"))
        observer = self._caretaker.observer = current_stream()
        reader = Reader(self._store, asked.stream, observer, self._timing)
        # Watch first, read then: whatever is published from here on wakes the reader.
        async with self._store.watch(asked.stream.id, reader.wake):
            opening = await self._openings.open(asked)
            if opening.is_empty:
                await _nothing_left(opening, send)
                return
            opening.observe(observer, self._losses)
            hello = opening.hello(observer, self._timing.heartbeat_seconds)
            if is_poll:
                await _poll(observer, hello, opening, send)
                return
            self._readers.add(reader)
            try:
                await reader.run(opening.backlog, hello, receive, send)
            finally:
                self._readers.discard(reader)


async def _nothing_left(opening: Opening, send: Send) -> None:
    """Let a client that has everything stay away, so that it does not ask for ever."""
    if opening.backlog.state == "failed":
        raise RefusedError(410, "the stream failed; create a new one")
    await reply(send, 204)


async def _poll(observer: CurrentStream, hello: bytes, opening: Opening, send: Send) -> None:
    observer.polled()
    end = END if opening.backlog.state == "done" else b""
    body = hello + b"".join(opening.backlog.frames) + end
    headers = [*HEADERS, *content_length(200, len(body))]
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
        Timing(heartbeat_seconds, send_timeout_seconds, unix_ms),
        drain_seconds=drain_seconds,
        max_connections=max_connections,
        max_params_bytes=max_params_bytes,
    )
