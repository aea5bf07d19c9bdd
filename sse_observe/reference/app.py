"""
The reference endpoint as an ASGI application: its paths, its methods, and its life cycle.

Knows HTTP; what is kept is the store's business, what is produced the application's, and what
an open response does the reader's.
"""

import inspect
import json
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from urllib.parse import quote

from sse_observe.asgi import Receive, Scope, Send, address_of, follow_lifespan, refuse_websocket
from sse_observe.errors import SettingsError, SSEObserveError
from sse_observe.reference.asking import cursor_text
from sse_observe.reference.cursor import new_epoch, new_stream_id, parse_cursor
from sse_observe.reference.demonstration import demonstration
from sse_observe.reference.frames import payload_frames
from sse_observe.reference.opening import Asked, Found, asked_from
from sse_observe.reference.params import Params, body_params, query_params
from sse_observe.reference.reader import HEADERS
from sse_observe.reference.replies import LATER, RefusedError, reply
from sse_observe.reference.resumable import ResumableStreams
from sse_observe.reference.store import StoreDownError, Stream, StreamStore
from sse_observe.reference.store_url import store_from_environment

Produce = Callable[[str, Params], AsyncIterator[str]]
"""Given a stream's id and parameters, yields the payload of each event."""

STREAM_PATH = "/api/v1/stream"
CREATE_PATH = "/api/v1/streams"
_ALLOWED = {STREAM_PATH: ("GET", "HEAD", "OPTIONS"), CREATE_PATH: ("POST", "OPTIONS")}
# The words of the contract itself in a query; everything else is the producer's.
_OURS = {"stream_id", "last_event_id", "mode", "network_type"}


class ReferenceApp:
    """
    An ASGI application that keeps the stream contract; see `reference_app`.

    Runs alone or mounted under any prefix. Alone it follows the server's lifespan; where it is
    mounted, no lifespan arrives, and `aclose()` may be awaited instead.
    """

    def __init__(
        self,
        produce: Produce,
        streams: ResumableStreams,
        *,
        max_params_bytes: int,
        broken: SSEObserveError | None = None,
    ) -> None:
        self._produce = produce
        self._streams = streams
        self._broken = broken
        self._max_params_bytes = max_params_bytes

    @property
    def readers(self) -> Collection[object]:
        """The responses that are open."""
        return self._streams.readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, or follow the server's life."""
        if scope["type"] == "lifespan":
            await follow_lifespan(receive, send, self.aclose, self._start)
        elif scope["type"] == "websocket":
            await refuse_websocket(send)
        else:
            if self._broken is not None:
                raise self._broken
            try:
                await self._answer(scope, receive, send)
            except RefusedError as refusal:
                await refusal.reply(send)
            except StoreDownError as down:
                await reply(send, 503, f"{down}\n", LATER)

    async def create(self, params: Params | None = None, *, holder: str = "") -> Stream:
        """
        Create a stream and start its producer; raise RefusedError where all are held.

        `holder` is for whom, where the store has to choose which stream gives way.
        """
        return (await self._created(params or {}, holder)).stream

    async def _created(self, params: Params, holder: str) -> Found:
        stream = Stream(new_stream_id(), new_epoch(), holder=holder)
        frames = payload_frames(lambda: self._produce(stream.id, params))
        return await self._streams.begin(stream, frames)

    async def _start(self) -> None:
        if self._broken is not None:
            raise self._broken
        await self._streams.start()

    async def aclose(self) -> None:
        """End every response in order, refuse new ones, and cancel every task."""
        await self._streams.aclose()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        root, path, method = scope.get("root_path", ""), scope["path"], scope["method"]
        if root and path.startswith(root):
            path = path[len(root) :]
        allowed = _ALLOWED.get(path)
        if allowed is None:
            raise RefusedError(404, f"not found; streams are at {root}{STREAM_PATH}")
        allow = (b"allow", ", ".join(allowed).encode())
        if self._streams.closed:
            raise RefusedError(503, "the server is shutting down; retry", LATER)
        if method == "OPTIONS":
            await reply(send, 204, "", allow)
        elif method not in allowed:
            raise RefusedError(405, f"{method} is not allowed here", allow)
        elif method == "POST":
            await self._post(root, scope, receive, send)
        elif method == "HEAD":
            await self._head(scope, send)
        else:
            await self._get(scope, receive, send)

    async def _post(self, root: str, scope: Scope, receive: Receive, send: Send) -> None:
        params = await body_params(receive, self._max_params_bytes)
        stream = await self.create(params, holder=address_of(scope))
        # A mount's prefix may hold what the client wrote there, line ends included.
        url = f"{quote(root + STREAM_PATH)}?stream_id={quote(stream.id)}"
        created = json.dumps({"stream_id": stream.id, "url": url})
        await reply(send, 201, created, (b"location", url.encode()), kind="application/json")

    async def _head(self, scope: Scope, send: Send) -> None:
        query = query_params(scope, self._max_params_bytes)
        if "stream_id" in query:
            await self._streams.find(query["stream_id"])
        await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _get(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = query_params(scope, self._max_params_bytes)
        is_poll = query.get("mode") == "poll"
        if not is_poll:
            self._streams.check_readers()
        asked = await self._asked(scope, query)
        if is_poll:
            await self._streams.poll(asked, send)
        else:
            await self._streams.serve(asked, receive, send)

    async def _asked(self, scope: Scope, query: Mapping[str, str]) -> Asked:
        """Return what a client asks for: by id, else by its cursor's epoch, else anew."""
        text = cursor_text(scope, query)
        if "stream_id" in query:
            return asked_from(await self._streams.find(query["stream_id"]), text)
        cursor = parse_cursor(text)
        if cursor and cursor.epoch and (found := await self._streams.find_epoch(cursor.epoch)):
            return asked_from(found, text)
        params = {k: v for k, v in query.items() if k not in _OURS}
        begun = await self._created(params, address_of(scope))
        outcome = None
        if text:
            outcome = "unknown_stream" if cursor else "malformed"
        return Asked(begun, text, None, outcome)


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
    demonstration. `store` defaults to what `SSE_OBSERVE_STORE` names, `redis://…`, else to a
    bounded `MemoryStore()`. Silence has a heartbeat each `heartbeat_seconds`. A client that takes
    nothing for `send_timeout_seconds` is let go; on SIGTERM (uvicorn) open responses may go on for
    `drain_seconds`. More than `max_connections` are answered by 503, a body of more than
    `max_params_bytes` by 413. `unix_ms` is for tests. Raises SettingsError for what can never be
    right.
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
    broken = None
    if store is None:
        try:
            store = store_from_environment()
        except SSEObserveError as error:
            # A server prints what its start was refused for as a line, and a factory's error as
            # a page.
            broken = error
    streams = ResumableStreams(
        store,
        max_producers=max_connections,
        max_readers=max_connections,
        heartbeat_seconds=heartbeat_seconds,
        send_timeout_seconds=send_timeout_seconds,
        drain_seconds=drain_seconds,
        unix_ms=unix_ms,
    )
    return ReferenceApp(
        produce or demonstration, streams, max_params_bytes=max_params_bytes, broken=broken
    )
