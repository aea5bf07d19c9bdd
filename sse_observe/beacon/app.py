"""
`beacon_app()`: browser reports in, the client module and report tokens out.

Knows HTTP, and trusts nobody: every request is bounded in size, time and rate before it is
read, and every refused report is counted by its reason. What a report says is `report`'s business.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from sse_observe.asgi import header
from sse_observe.beacon.client_module import NAME as MODULE
from sse_observe.beacon.client_module import Module
from sse_observe.beacon.counts import Books
from sse_observe.beacon.http import Message, Receive, Scope, Send, bare, length, whole
from sse_observe.beacon.limits import Buckets, Limits, Page, Pages, network_of_address
from sse_observe.beacon.report import decode
from sse_observe.beacon.tokens import Tokens
from sse_observe.errors import SettingsError
from sse_observe.metrics import ALL_USERS, OTHER, REPORT_RESULTS
from sse_observe.middleware.current_stream import bucket_bounds
from sse_observe.middleware.headers import network_of
from sse_observe.middleware.routes import Template
from sse_observe.middleware.tracker import StreamTracker
from sse_observe.registry import SSEMetrics, default_metrics

TOKEN = "token"  # noqa: S105 - the name of a path
# Twice what our client ever sends.
_MOST_BYTES = 4096
# Four kilobytes that take longer are not being sent in earnest.
_BODY_SECONDS = 5.0
_STATUS = {
    "accepted": 204,
    "replayed": 204,
    "bad_schema": 400,
    "bad_origin": 403,
    "bad_token": 403,
    "too_large": 413,
    "rate_limited": 429,
}

_Headers = list[tuple[bytes, bytes]]


def beacon_app(
    metrics: SSEMetrics | None = None,
    *,
    secret: str | None = None,
    path: str = "deltas",
    origins: Sequence[str] = (),
    segments: Sequence[str] = (),
    segment: Callable[[Scope], str] | None = None,
    limits: Limits | None = None,
    clock: Callable[[], float] = time.monotonic,
    unix_time: Callable[[], float] = time.time,
) -> "Beacon":
    """
    Return the application that browsers report to; mount it where your pages can reach it.

    Under its mount it serves the client module (`sse-observe.js`), report tokens for streams
    whose application sends no hello (`token`), and takes reports at `path`. `secret` signs the
    tokens; without it SSE_OBSERVE_SECRET does, and several workers or hosts need the same one.
    `origins` are further origins whose pages may report, as in `https://app.example.com`.
    `segments` and `segment` are those of the middleware. Metrics that have a beacon put a token
    into every hello.
    """
    if not path or path.startswith("/") or path in (MODULE, TOKEN):
        raise SettingsError(
            f"beacon_app: path={path!r} is wrong; give a path below the mount, as in 'deltas'"
        )
    for origin in origins:
        if "://" not in origin or origin.count("/") != 2:
            raise SettingsError(
                f"beacon_app: origins: {origin!r} is no origin; write 'https://app.example.com'"
            )
    if bool(segments) != (segment is not None):
        raise SettingsError("beacon_app: give segments and segment together, or neither")
    return Beacon(
        metrics or default_metrics(),
        Tokens(secret, clock=unix_time),
        path=path,
        origins=origins,
        segments=segments,
        segment=segment,
        limits=limits or Limits(),
        clock=clock,
    )


class Beacon:
    """What `beacon_app()` returns."""

    def __init__(
        self,
        metrics: SSEMetrics,
        tokens: Tokens,
        *,
        path: str,
        origins: Iterable[str],
        segments: Sequence[str],
        segment: Callable[[Scope], str] | None,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self._metrics = metrics
        self._tokens = tokens
        self._path = "/" + path
        self._origins = frozenset(origin.encode() for origin in origins)
        self._segments = frozenset(segments)
        self._segment = segment
        self._books = Books(metrics)
        self._pages = Pages(limits.token, clock=clock)
        self._by_address = Buckets(limits.address, clock=clock)
        self._by_everyone = Buckets(limits.everyone, most=1, clock=clock)
        self._module = Module()
        # By their labels; never fewer, since a tracker forgets no route.
        self._templates: list[Template | None] = []
        self._count = {
            result: metrics.counter("sse_client_reports_total", result).inc
            for result in REPORT_RESULTS
        }
        self._answers: dict[str, dict[str, Any]] = {
            result: {"type": "http.response.start", "status": status, "headers": length(status)}
            for result, status in _STATUS.items()
        }
        metrics.sign_report_tokens_with(self.issue)

    def issue(self, route: str, user_segment: str, network_type: str) -> str:
        """Return a token for one connection; what its reports will move exists from now on."""
        self._books.open(route, user_segment, network_type)
        return self._tokens.issue(route, user_segment, network_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await _other(scope["type"], receive, send)
            return
        try:
            path = scope["path"]
            if path.endswith(self._path):
                await self._at_reports(scope, receive, send)
            elif path.endswith("/" + MODULE):
                await self._module.serve(scope, send)
            elif path.endswith("/" + TOKEN):
                await self._at_tokens(scope, send)
            else:
                await bare(send, 404)
        except Exception:  # noqa: BLE001 - a fault of ours is not the server's
            StreamTracker.of(self._metrics).observer_error("beacon")
            await bare(send, 500)

    async def _at_reports(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            allow = (b"allow", b"POST, OPTIONS")
            status = 204 if scope["method"] == "OPTIONS" else 405
            await bare(send, status, allow, *self._cors(scope))
            return
        result = self._refusal(scope)
        if result is None:
            body = await _body(receive)
            result = "too_large" if len(body) > _MOST_BYTES else self._judge(body)
        self._count[result]()
        start = self._answers[result]
        if self._origins:
            start = {**start, "headers": [*start["headers"], *self._cors(scope)]}
        await send(start)
        await send({"type": "http.response.body", "body": b""})

    def _refusal(self, scope: Scope) -> str | None:
        """Return why a report is not even read."""
        if not self._may_ask(scope):
            return "bad_origin"
        return None if self._has_room(scope) else "rate_limited"

    def _judge(self, body: bytes) -> str:
        """Judge one report and count what it says; return what became of it."""
        try:
            report = decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return "bad_schema"
        page = self._page(report.token)
        if page is None:
            return "bad_token"
        if not self._pages.take(page):
            return "rate_limited"
        if not report.is_consistent():
            return "bad_schema"
        if not page.is_new(report.n):
            return "replayed"
        self._books.add(report, page.book)
        return "accepted"

    def _page(self, token: str) -> Page | None:
        """Return the page that sends a token; it sends the same one many times."""
        page = self._pages.get(token)
        if page is not None:
            return page if self._tokens.is_alive(page.grant) else None
        grant = self._tokens.read(token)
        if grant is None:
            return None
        book = self._books.open(grant.route, grant.user_segment, grant.network_type)
        return self._pages.put(token, grant, book)

    async def _at_tokens(self, scope: Scope, send: Send) -> None:
        if scope["method"] != "GET":
            await bare(send, 405, (b"allow", b"GET"))
        elif not self._may_ask(scope):
            await bare(send, 403)
        elif not self._has_room(scope):
            await bare(send, 429)
        else:
            route, segment = self._route_of(scope), self._segment_of(scope)
            token = self.issue(route, segment, network_of(scope))
            body = json.dumps({"report_token": token, "bounds": bucket_bounds()}).encode()
            kind = (b"content-type", b"application/json")
            await whole(send, body, kind, (b"cache-control", b"no-store"), *self._cors(scope))

    def _route_of(self, scope: Scope) -> str:
        """Return the route of the stream that a page asks for, among those counted already."""
        try:
            query = parse_qsl(scope["query_string"].decode("latin-1"), max_num_fields=10)
        except ValueError:
            return OTHER
        path = next((value for name, value in query if name == "path"), "")
        labels = StreamTracker.of(self._metrics).labels()
        if path in labels:
            return path
        for label in labels[len(self._templates) :]:
            self._templates.append(_template(label))
        found = (t.label for t in self._templates if t is not None and t.matches(path))
        return next(found, OTHER)

    def _segment_of(self, scope: Scope) -> str:
        if self._segment is None:
            return ALL_USERS
        try:
            found = self._segment(scope)
        except Exception:  # noqa: BLE001 - the resolver is the user's
            StreamTracker.of(self._metrics).observer_error("beacon")
            return OTHER
        return found if found in self._segments else OTHER

    def _has_room(self, scope: Scope) -> bool:
        client = scope.get("client")
        address = network_of_address(client[0]) if client else ""
        # The address first: one that floods must not use up what is everyone's.
        return self._by_address.take(address) and self._by_everyone.take(None)

    def _may_ask(self, scope: Scope) -> bool:
        """
        Tell whether the page that asks is of our origin, or of a declared one.

        Browsers say so themselves, and no page can forge it; what is no browser says nothing,
        and the token decides.
        """
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin in self._origins:
            return True
        site = headers.get(b"sec-fetch-site")
        if site is not None:
            return bool(site == b"same-origin")
        return origin is None or origin.partition(b"://")[2] == headers.get(b"host")

    def _cors(self, scope: Scope) -> _Headers:
        if not self._origins:
            return []
        origin = header(scope["headers"], b"origin")
        if origin is None or origin not in self._origins:
            return []
        return [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]


def _template(label: str) -> Template | None:
    """Return a route's label as a template, where it is one: frameworks may have other names."""
    try:
        return Template(label)
    except SettingsError:
        return None


async def _body(receive: Receive) -> bytes:
    """
    Return a body, or as much of it as shows that it is too large; nothing if it is too slow.

    A report lies there with its request nearly always, and a timer for each would be a fifth
    of all that it costs: the timer starts with the first wait.
    """
    steps = receive().__await__()
    try:
        pending = next(steps)
    except StopIteration as done:
        message: Message = done.value
        if not message.get("more_body"):
            body: bytes = message.get("body", b"")
            return body
        waiting: Awaitable[Message] | None = None
    else:
        waiting = _Rest(steps, pending)
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return await _read(receive, await waiting if waiting is not None else message)
    except TimeoutError:
        return b""


async def _read(receive: Receive, message: Message) -> bytes:
    """Count the bytes as they come; Content-Length is only what somebody says."""
    body: bytes = message.get("body", b"")
    while message.get("more_body") and len(body) <= _MOST_BYTES:
        message = await receive()
        body += message.get("body", b"")
    return body


class _Rest:
    """What remains of an await that has begun already."""

    def __init__(self, steps: Generator[Any, Any, Message], pending: Any) -> None:
        self._steps = steps
        self._pending = pending

    def __await__(self) -> Generator[Any, Any, Message]:
        while True:
            try:
                value = yield self._pending
            except BaseException as error:  # noqa: BLE001 - it is meant for what is awaited
                step = partial(self._steps.throw, error)
            else:
                step = partial(self._steps.send, value)
            try:
                self._pending = step()
            except StopIteration as done:
                message: Message = done.value
                return message


async def _other(kind: str, receive: Receive, send: Send) -> None:
    """Follow a server's life cycle when run alone; take no websockets."""
    if kind == "websocket":
        await send({"type": "websocket.close"})
        return
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return
