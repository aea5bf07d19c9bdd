"""
SSEObserveMiddleware: sees every event stream of an ASGI application, and how each one ends.

Passes bytes, exceptions and cancellations through unchanged. An error of ours is caught, counted
and logged once; it never becomes the stream's. How a stream ended is decided by `endings`.
"""

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import CoroutineType, MethodType
from typing import TypeVarTuple

from sse_observe.asgi import App, Header, Message, Receive, Scope, Send
from sse_observe.metrics import OTHER
from sse_observe.middleware import endings
from sse_observe.middleware.causes import take_error
from sse_observe.middleware.current_stream import CURRENT
from sse_observe.middleware.disconnect import unwatch, watch
from sse_observe.middleware.end_log import LOGGER
from sse_observe.middleware.headers import (
    ResponseReader,
    asked,
    asks_for_event_stream,
    is_event_stream,
    is_orderly_refusal,
    network_of,
)
from sse_observe.middleware.options import check_options
from sse_observe.middleware.route_counts import RouteCounts
from sse_observe.middleware.routes import Namer, Routes, StreamRoute
from sse_observe.middleware.scan import UNREADABLE
from sse_observe.middleware.segments import Segments
from sse_observe.middleware.send import sender, transparent
from sse_observe.middleware.server_state import exiting, peek
from sse_observe.middleware.stream import OVER, Stream
from sse_observe.middleware.tcp import Sockets
from sse_observe.middleware.tracker import StreamTracker
from sse_observe.registry import SSEMetrics, chosen_metrics

_PLAIN = StreamRoute()
Args = TypeVarTuple("Args")


class SSEObserveMiddleware:
    """
    Wrap an ASGI application, `app`; nothing else is needed.

    `routes` maps path templates to declarations, `default` is for all other routes.
    `route` names the route of a scope where no framework does: a template, as `/chat/{id}`, or
    None to leave it to us; it must be quick.
    `segment` names the user segment of a scope, one of the declared `segments`; it must be quick.
    `log_ends` writes one line to the `sse_observe` logger per stream that ends abnormally.
    `tcp_info` reads, once a second, what the kernel knows of each stream's socket; Linux only.
    `spans` begins one OpenTelemetry span per stream, where the application has loaded it.
    `metrics` counts elsewhere than in the default registry; `clock`, in seconds, is for tests.
    Raises SettingsError for what can never be right.
    """

    def __init__(
        self,
        app: App,
        *,
        routes: Mapping[str, StreamRoute] | None = None,
        default: StreamRoute = _PLAIN,
        route: Namer | None = None,
        segments: Sequence[str] = (),
        segment: Callable[[Scope], str] | None = None,
        metrics: SSEMetrics | None = None,
        log_ends: bool = True,
        tcp_info: bool = False,
        spans: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_options(app, log_ends=log_ends, tcp_info=tcp_info, spans=spans)
        self.app = app
        self.metrics = chosen_metrics(metrics, "SSEObserveMiddleware")
        self._routes = Routes(routes, default, app, name=route, on_error=self._failed)
        self._tracker = StreamTracker.of(self.metrics, clock)
        self._tracker.end_log.enabled = log_ends
        self._segments = Segments(segments, segment, on_error=self._failed)
        self._sockets = Sockets.of(self._tracker) if tcp_info else None
        self._spans = self._tracker.spans if spans else None
        self._clock = clock
        self._send = sender(self._tracker.buffer, clock, self._handle_other)
        self._responses = ResponseReader()
        self._stacked = False
        self._one_of_many = self.metrics.directory is not None
        for declared in self._routes.declared:
            counts = self._tracker.counts_of(declared)
            counts.sends_streams, label = True, counts.label
            if self._sockets is not None:
                self.metrics.zero(label, "tcp")
            for user_segment in self._segments.names:
                self.metrics.zero_segment(label, user_segment, "unknown")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection through the application."""
        if scope["type"] != "http" or scope["method"] == "HEAD":
            if scope["type"] == "lifespan":
                receive = self._lifespan(receive)
            await self.app(scope, receive, send)
            return
        stream: Stream | None = None
        try:
            stream = Stream()
            stream.ask(self, scope, receive, send, self._clock())
            # Whoever has set it before is outside of us, and may see this very request.
            outer = CURRENT.set(stream).old_value
            if (
                outer.__class__ is Stream
                and outer.scope is not OVER
                and self._is_within(outer, scope)
            ):
                stream = None
            else:
                send = MethodType(self._send, stream)
        except Exception:  # noqa: BLE001 - the request goes on without us
            self._failed()
            stream = None
        if stream is None:
            await self.app(scope, receive, send)
            return
        try:
            await self.app(scope, stream.observed_receive, send)
        except BaseException as error:
            self._guarded(self._raised, stream, error)
            raise
        else:
            if stream.is_stream:
                try:
                    self._returned(stream)
                except Exception:  # noqa: BLE001 - the server must not pay for us
                    self._failed()
        finally:
            # What is left in the context must not look like a request under way.
            stream.scope = OVER

    def _is_within(self, outer: Stream, scope: Scope) -> bool:
        """Tell whether an outer middleware counts this very request."""
        if outer.scope["headers"] is not scope["headers"]:
            return False
        CURRENT.set(outer)
        if not self._stacked:
            self._stacked = True
            LOGGER.warning("SSEObserveMiddleware is installed twice; the inner one counts nothing")
        return True

    def _guarded(self, step: Callable[[*Args], None], *args: *Args) -> None:
        try:
            step(*args)
        except Exception:  # noqa: BLE001 - the stream goes on without us
            self._failed()

    async def _guarded_wait(self, wait: Callable[[], Awaitable[None]]) -> None:
        try:
            await wait()
        except Exception:  # noqa: BLE001 - the shutdown goes on without us
            self._tracker.observer_error("exposition")

    def _failed(self) -> None:
        self._tracker.observer_error("middleware")

    # For current_stream().

    def counts_of(self, stream: Stream) -> RouteCounts:
        """Return the counts of a stream's route, or of a request that may become a stream."""
        if stream.is_stream:
            return stream.counts
        return self._tracker.counts_of(self._routes.resolve(stream.scope))

    def labels_of(self, stream: Stream) -> tuple[str, str]:
        """Return the user segment and the network type of a stream."""
        if stream.is_stream:
            return stream.labels
        return self._segments.labels(stream.scope, network_of(stream.scope))

    def cursor_of(self, stream: Stream) -> str | None:
        """Return the id that a stream's client asked to resume from."""
        cursor, _, _ = asked(stream.scope, self.counts_of(stream).config.cursors)
        return None if cursor is None else cursor.decode(errors="replace")

    @contextmanager
    def counting(self, stream: Stream) -> Iterator[RouteCounts]:
        """Give the counts of a stream's route, to be added to in the block and nowhere else."""
        counts = self.counts_of(stream)
        with self._tracker.lock:
            yield counts
        self._tracker.counted()

    # Messages from the server.

    def left(self, stream: Stream) -> None:
        """Take word from the server that a client is gone."""
        self._guarded(self._left, stream)

    def _left(self, stream: Stream) -> None:
        """Count a client as gone; after the end servers report that as well."""
        if not stream.is_stream:
            stream.gone = True
        elif stream.live and stream.accepted_at is None:
            stream.gone = True
            # While the last message is under way, what becomes of it decides.
            if not stream.ending:
                self._lost_client(stream)

    def _lost_client(self, stream: Stream) -> None:
        self._tracker.buffer.count_pending()
        self._close(stream, endings.client_left(stream))
        self._tracker.orphan(stream)

    def _lifespan(self, receive: Receive) -> Receive:
        async def observed_receive() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._guarded(self.metrics.serve)
            elif message["type"] == "lifespan.shutdown":
                self._guarded(self._shut_down)
                for wait in self.metrics.at_shutdown:
                    await self._guarded_wait(wait)
            return message

        return observed_receive

    def _shut_down(self) -> None:
        """Close every open stream: on some servers nothing of ours runs after this."""
        self._tracker.buffer.count_pending()
        for stream in self._tracker.open_streams(self):
            self._close(stream, endings.shut_down(stream), stream.accepted_at)
        self._tracker.flush(last=True)

    # Messages from the application.

    def _handle_other(self, stream: Stream, message: Message) -> Awaitable[None]:
        """Take everything but a body message in mid-stream: start, end, and the unusual."""
        try:
            if stream.live:
                if _is_last(stream, message):
                    return self._last(stream, message)
                self._add(stream, message.get("body"))
            elif message["type"] == "http.response.start":
                stream.answered = True
                status = message["status"]
                # 201: a POST that made something, and streams it.
                if status in (200, 201):
                    headers = message.get("headers", ())
                    if headers.__class__ is not list:
                        # It may be an iterator, which gives what it has only once.
                        headers = list(headers)
                        message = {**message, "headers": headers}
                    if is_event_stream(headers):
                        self._open(stream, message, headers)
                elif status >= 300:
                    self._refused(stream, status)
        except Exception:  # noqa: BLE001 - the stream goes on without us
            self._failed()
        sending: Awaitable[None] = stream.inner(message)
        if stream.live and sending.__class__ is not CoroutineType:
            stream.inner = transparent(stream.inner)
        return sending

    def _add(self, stream: Stream, body: object) -> None:
        if isinstance(body, bytes | bytearray | memoryview) and body:
            # A copy: the application may use its buffer again.
            self._tracker.buffer.pending.append((stream, bytes(body), self._clock()))
            self._tracker.buffer.count_pending()

    def _open(self, stream: Stream, message: Message, headers: list[Header]) -> None:
        scope = stream.scope
        route = self._routes.resolve(scope)
        cursor, network, protocol = asked(scope, route.config.cursors)
        response = self._responses.read(
            headers, scope.get("http_version", "1.1"), scope.get("method", "GET")
        )
        polled = stream.overrides.polled
        if polled and cursor is None:
            cursor = b""
        labels = self._segments.labels(scope, network)
        self._tracker.open(stream, route, labels, cursor, self._spans)
        counts = stream.counts
        if (named := response.protocol or protocol) and stream.reader is None:
            stream.reader = counts.reader_of(named)
            stream.short = stream.reader.short
        if response.compressed:
            stream.scan = UNREADABLE
            counts.unreadable += 1
        if "trailers" in message:
            stream.trailers = bool(message["trailers"])
        if not polled:
            for fault in response.faults:
                counts.response_faults[fault,] += 1
        if self._sockets is not None:
            self._sockets.watch(stream)
        if stream.gone:
            self._lost_client(stream)
        elif route.config.watch_disconnect:
            watch(stream)

    def _refused(self, stream: Stream, status: int) -> None:
        """Count an answer that is no stream, where the request wanted one."""
        scope = stream.scope
        if is_orderly_refusal(scope, status):
            return
        if not asks_for_event_stream(scope):
            # SDKs ask for JSON, or for anything: then the route tells.
            if status < 400:
                return
            route = self._routes.resolve(scope)
            if route.label == OTHER or not self._tracker.sends_streams(route.label):
                return
        with self.counting(stream) as counts:
            shown = "429" if status == 429 else f"{min(status // 100, 5)}xx"
            counts.rejected[shown,] += 1
        if self._tracker.on_request is not None:
            self._tracker.on_request(counts.label, scope)

    def _last(self, stream: Stream, message: Message) -> Awaitable[None]:
        if not stream.gone and not stream.asking:
            stream.gone = peek(stream.receive) is True
        if stream.gone:
            # Now, not afterwards: on HTTP/2 the last message of a lost client may never return.
            self._lost_client(stream)
            gone: Awaitable[None] = stream.inner(message)
            return gone
        if body := message.get("body"):
            self._add(stream, body)
        return self._send_last(stream, stream.inner(message))

    async def _send_last(self, stream: Stream, sending: Awaitable[None]) -> None:
        stream.ending = True
        try:
            await sending
        finally:
            stream.ending = False
        if stream.live:
            # Not yet completed: the application may still fail.
            stream.accepted_at = self._clock()

    # The end of the application.

    def _returned(self, stream: Stream) -> None:
        if stream.live:
            if stream.accepted_at is not None and self._tracker.may_wait():
                # No later word changes how it ended.
                self._tracker.buffer.end(stream, stream.scope)
            else:
                self._tracker.buffer.count_pending()
                self._close(stream, endings.returned(stream), stream.accepted_at)
        if stream.gone or self._one_of_many or stream.counts.config.watch_disconnect:
            self._is_over(stream)

    def _raised(self, stream: Stream, error: BaseException) -> None:
        if not stream.is_stream:
            # Whoever is outside answers 500, unseen by us.
            if isinstance(error, Exception) and not (stream.answered or stream.gone):
                self._refused(stream, 500)
            return
        if stream.live:
            self._tracker.buffer.count_pending()
            take_error(stream, error)
            self._close(stream, endings.raised(stream, error))
        self._is_over(stream)

    def _is_over(self, stream: Stream) -> None:
        self._tracker.forget(stream)
        if stream.counts.config.watch_disconnect:
            unwatch(stream)
        if self._one_of_many and exiting():
            # Without a life cycle (Django) nothing else says that no tick may follow.
            self._tracker.flush()

    def accepted(self, stream: Stream) -> None:
        """Close a stream whose last message was accepted while the client was there."""
        self._close(stream, endings.delivered(stream), stream.accepted_at)

    def ended(self, stream: Stream, scope: Scope) -> None:
        """Close a stream whose application has returned after its last message."""
        if stream.live:
            # A protocol may ask what the request was.
            stream.scope = scope
            self.accepted(stream)
        stream.scope = OVER

    def _close(self, stream: Stream, reason: str, at: float | None = None) -> None:
        self._tracker.close(stream, endings.overridden(stream, reason), at)


def _is_last(stream: Stream, message: Message) -> bool:
    """Tell whether nothing can follow a message."""
    kind = message["type"]
    if kind == "http.response.body":
        return not message.get("more_body") and not stream.trailers
    return kind == "http.response.trailers" and not message.get("more_trailers")
