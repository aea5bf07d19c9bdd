"""
`durable_streams_app()`: the Durable Streams protocol as an ASGI application.

Knows paths, methods and the headers that every answer has; reading and writing are next door.
"""

from collections.abc import Collection
from urllib.parse import quote

from sse_observe.asgi import (
    Header,
    Message,
    Receive,
    Scope,
    Send,
    follow_lifespan,
    header,
    refuse_websocket,
)
from sse_observe.errors import SettingsError
from sse_observe.reference.durable_streams.live import Live
from sse_observe.reference.durable_streams.logs import Logs
from sse_observe.reference.durable_streams.reading import Reading, absent
from sse_observe.reference.durable_streams.requests import (
    append_of,
    body_of,
    create_of,
    headers_of,
    name_of,
    read_of,
)
from sse_observe.reference.durable_streams.writing import Answer, Writing
from sse_observe.reference.memory_store import MemoryStore
from sse_observe.reference.replies import LATER, RefusedError, reply
from sse_observe.reference.store import StoreDownError, StreamStore

_METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
_ASKED = (
    "content-type, authorization, if-none-match, stream-seq, stream-ttl, stream-expires-at, "
    "stream-closed, producer-id, producer-epoch, producer-seq, stream-forked-from, "
    "stream-fork-offset, stream-fork-sub-offset"
)
_SHOWN = (
    "stream-next-offset, stream-cursor, stream-up-to-date, stream-closed, "
    "stream-earliest-offset, stream-sse-data-encoding, stream-ttl, stream-expires-at, "
    "producer-epoch, producer-seq, producer-expected-seq, producer-received-seq, etag, "
    "content-type, location, retry-after"
)
_ALWAYS = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "access-control-allow-methods": _METHODS,
        "access-control-allow-headers": _ASKED,
        "access-control-expose-headers": _SHOWN,
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "cross-origin",
        "vary": "origin",
    }.items()
)
# The protocol keeps it for the control of subscriptions, which we do not have.
_RESERVED = "__ds"
_LONGEST_NAME = 1024


class DurableStreamsApp:
    """An ASGI application that speaks Durable Streams; see `durable_streams_app`."""

    def __init__(
        self,
        store: StreamStore,
        reading: Reading,
        logs: Logs,
        *,
        max_append_bytes: int,
        allow_origins: Collection[str],
    ) -> None:
        self._store = store
        self._logs = logs
        self._reading = reading
        self._writing = Writing(logs)
        self._max_append_bytes = max_append_bytes
        self._origins = frozenset(origin.encode() for origin in allow_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the server's life."""
        if scope["type"] == "lifespan":
            await follow_lifespan(receive, send, self.aclose, self._store.start)
            return
        if scope["type"] == "websocket":
            await refuse_websocket(send)
            return

        always = (*_ALWAYS, *self._allowed_origin(scope))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *always]}
            await send(message)

        try:
            await self._answer(scope, receive, send_with_headers)
        except RefusedError as refusal:
            await refusal.reply(send_with_headers)
        except StoreDownError as down:
            await reply(send_with_headers, 503, f"{down}\n", LATER)

    def _allowed_origin(self, scope: Scope) -> tuple[Header, ...]:
        """Let the declared pages read and write; no page of others, which nobody asked for."""
        origin = header(scope["headers"], b"origin")
        if b"*" in self._origins:
            return ((b"access-control-allow-origin", b"*"),)
        if origin in self._origins:
            return ((b"access-control-allow-origin", origin or b""),)
        return ()

    async def aclose(self) -> None:
        """End the live reads, and give back what the store holds of this process."""
        await self._reading.aclose()
        await self._store.aclose()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        root, path, method = scope.get("root_path", ""), scope["path"], scope["method"]
        name = name_of(path, root)
        if method == "OPTIONS":
            await reply(send, 204)
            return
        if not name or name.split("/")[0] == _RESERVED or len(name) > _LONGEST_NAME:
            raise absent(name)
        if method == "GET":
            await self._get(name, scope, receive, send)
        elif method == "HEAD":
            await _send_answer(send, await self._head(name))
        elif method in ("PUT", "POST"):
            await self._write(name, scope, receive, send)
        elif method == "DELETE":
            await _send_answer(send, await self._writing.delete(name))
        else:
            raise RefusedError(405, f"{method} is not allowed here", (b"allow", _METHODS.encode()))

    async def _get(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        asked = read_of(scope)
        if asked.live == "sse":
            await self._reading.events(name, asked, receive, send)
        else:
            await self._reading.catch_up(name, asked, headers_of(scope), receive, send)

    async def _write(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        if scope["method"] == "PUT":
            created = create_of(headers, scope.get("root_path", ""))
            body = await body_of(receive, self._max_append_bytes)
            answer = await self._writing.create(name, created, body)
            if answer.status == 201:
                answer.headers["location"] = _url(scope, headers)
        else:
            appended = append_of(headers)
            body = await body_of(receive, self._max_append_bytes)
            answer = await self._writing.append(name, appended, body)
        await _send_answer(send, answer)

    async def _head(self, name: str) -> Answer:
        log = await self._logs.get(name, touch=False)
        facts = log.facts
        fields = {
            "content-type": facts.content_type,
            "stream-next-offset": str(log.tail),
            "cache-control": "no-store",
        }
        if facts.closed:
            fields["stream-closed"] = "true"
        if facts.ttl is not None:
            fields["stream-ttl"] = str(facts.ttl)
        if facts.expires_at is not None:
            fields["stream-expires-at"] = facts.expires_at
        return Answer(200, fields)


def _url(scope: Scope, headers: dict[str, str]) -> str:
    # What the client wrote there may hold line ends; it is quoted.
    path = quote(scope["path"])
    host = headers.get("host")
    return f"{scope.get('scheme', 'http')}://{host}{path}" if host else path


async def _send_answer(send: Send, answer: Answer) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
    if answer.line:
        await reply(send, answer.status, f"{answer.line}\n", *headers)
        return
    if answer.status not in (204, 304):
        headers.append((b"content-length", b"0"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def durable_streams_app(
    store: StreamStore | None = None,
    *,
    long_poll_seconds: float = 30,
    sse_seconds: float = 60,
    send_timeout_seconds: float = 30,
    max_append_bytes: int = 16 * 1024 * 1024,
    max_readers: int = 10_000,
    allow_origins: Collection[str] = (),
) -> DurableStreamsApp:
    """
    Return an ASGI application that speaks the Durable Streams protocol over a `store`.

    A stream's name is its path. What a stream holds, and for how long, is the store's to bound:
    the default keeps, in memory, 100,000 messages or 64 MB of each stream for a week, and 256 MB
    of all. What was dropped is answered by 410, and over SSE announced as `lost` in a control
    event. Subscriptions (`__ds`) are not offered. Protect it as any endpoint that writes: whoever
    knows a name may write to it. `allow_origins` are the origins of other web pages that may.

    A long poll waits for `long_poll_seconds`; an SSE answer ends after `sse_seconds`, and its
    reader asks again; one that takes nothing for `send_timeout_seconds` is let go. A larger append
    than `max_append_bytes` is answered by 413, more than `max_readers` by 503. Raises SettingsError
    where a number is not above 0.
    """
    if isinstance(allow_origins, str):
        raise SettingsError(
            f"durable_streams_app: allow_origins={allow_origins!r} is one text; "
            f"write allow_origins=[{allow_origins!r}]"
        )
    seconds = {
        "long_poll_seconds": long_poll_seconds,
        "sse_seconds": sse_seconds,
        "send_timeout_seconds": send_timeout_seconds,
        "max_append_bytes": max_append_bytes,
        "max_readers": max_readers,
    }
    for option, value in seconds.items():
        if not value > 0:
            raise SettingsError(f"durable_streams_app: {option}={value!r}; give more than 0")
    week = 7 * 86_400
    held = store or MemoryStore(
        max_streams=10_000,
        max_events=100_000,
        max_bytes=64 * 1024 * 1024,
        max_age_seconds=week,
        idle_seconds=week,
        max_total_bytes=256 * 1024 * 1024,
    )
    logs = Logs(held)
    reading = Reading(
        logs,
        Live(held, max_readers=max_readers),
        long_poll_seconds=long_poll_seconds,
        sse_seconds=sse_seconds,
        send_seconds=send_timeout_seconds,
    )
    return DurableStreamsApp(
        held, reading, logs, max_append_bytes=max_append_bytes, allow_origins=allow_origins
    )
