"""
SSEObserveMiddleware: sees every event stream of an ASGI application, and how each one ends.

Passes bytes, exceptions and cancellations through unchanged. A fault of ours is caught, counted
and logged once; it never becomes the stream's. How servers and frameworks show an ending is
decided here and nowhere else.
"""

import inspect
import os
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from types import CoroutineType, MethodType
from typing import Any

from sse_observe.errors import SettingsError
from sse_observe.metrics import ALL_USERS, OTHER
from sse_observe.middleware.current_stream import CURRENT
from sse_observe.middleware.disconnect import unwatch, watch
from sse_observe.middleware.headers import (
    ResponseFaults,
    asks_for_event_stream,
    cursor_and_network,
    is_event_stream,
    network_of,
)
from sse_observe.middleware.routes import Resolved, Routes, StreamRoute
from sse_observe.middleware.send import sender, transparent
from sse_observe.middleware.server_state import exiting, peek
from sse_observe.middleware.stream import Stream
from sse_observe.middleware.tcp import Sockets
from sse_observe.middleware.tracker import LOGGER, StreamTracker
from sse_observe.registry import SSEMetrics, default_metrics

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_PLAIN = StreamRoute()
# Each declared segment costs 60 series per route and process.
_MOST_SEGMENTS = 20


class SSEObserveMiddleware:
    """
    Wrap an ASGI application; nothing else is needed.

    `routes` maps path templates to what those routes promise, `default` is for all others.
    `segment` names the user segment of a scope, one of the declared `segments`; it must be quick.
    `log_ends` writes one line to the `sse_observe` logger per stream that ends abnormally.
    `tcp_info` reads, once a second, what the kernel knows of each stream's socket; Linux only.
    """

    def __init__(
        self,
        app: App,
        *,
        routes: Mapping[str, StreamRoute] | None = None,
        default: StreamRoute = _PLAIN,
        segments: Sequence[str] = (),
        segment: Callable[[Scope], str] | None = None,
        metrics: SSEMetrics | None = None,
        log_ends: bool = True,
        tcp_info: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app = app
        self.metrics = metrics or default_metrics()
        self._segments = _declared_segments(segments, segment)
        self._segment = segment
        self._routes = Routes(routes, default, app)
        self._tracker = StreamTracker.of(self.metrics, clock)
        self._tracker.log_ends = log_ends
        self._sockets = Sockets.of(self._tracker) if tcp_info else None
        self._clock = clock
        self._send = sender(self._tracker.buffer, clock, self._handle_other)
        self._faults = ResponseFaults()
        self._labels: dict[tuple[str, str], tuple[str, str]] = {}
        self._stacked = False
        self._one_of_many = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        for route in self._routes.declared.values():
            label = self._tracker.counts_of(route).label
            if self._sockets is not None:
                self._sockets.sums(label)
            for user_segment in self._segments or (ALL_USERS,):
                self.metrics.zero_segment(route.label, user_segment, "unknown")

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
            if outer.__class__ is Stream and self._is_within(outer, scope):
                stream = None
            else:
                send = MethodType(self._send, stream)
        except Exception:  # noqa: BLE001 - the request goes on without us
            self._tracker.fault("middleware")
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
                    self._tracker.fault("middleware")
        finally:
            # What is left in the context must not look like a request under way.
            stream.scope = None

    def _is_within(self, outer: Stream, scope: Scope) -> bool:
        """Tell whether an outer middleware counts this very request."""
        if outer.scope is None or outer.scope["headers"] is not scope["headers"]:
            return False
        CURRENT.set(outer)
        if not self._stacked:
            self._stacked = True
            LOGGER.warning("SSEObserveMiddleware is installed twice; the inner one counts nothing")
        return True

    def _guarded(self, step: Callable[..., Any], *args: Any) -> None:
        try:
            step(*args)
        except Exception:  # noqa: BLE001 - the stream goes on without us
            self._tracker.fault("middleware")

    async def _guarded_wait(self, wait: Callable[[], Awaitable[None]]) -> None:
        try:
            await wait()
        except Exception:  # noqa: BLE001 - the shutdown goes on without us
            self._tracker.fault("exposition")

    # What current_stream() asks of us.

    def route_of(self, stream: Stream) -> Resolved:
        """Return the route of a stream, or of a request that may become one."""
        if stream.is_stream:
            return Resolved(stream.counts.label, stream.counts.config)
        route = self._routes.resolve(stream.scope)
        counts = self._tracker.counts_of(route)
        return Resolved(counts.label, route.config)

    def labels_of(self, stream: Stream) -> tuple[str, str]:
        """Return the user segment and the network type of a stream."""
        if stream.is_stream:
            return stream.labels
        return self._segment_of(stream.scope), network_of(stream.scope)

    def _segment_of(self, scope: Scope) -> str:
        if self._segment is None:
            return ALL_USERS
        try:
            found = self._segment(scope)
        except Exception:  # noqa: BLE001 - the resolver is the user's, the stream must not pay
            self._tracker.fault("middleware")
            return OTHER
        return found if found in self._segments else OTHER

    # Messages from the server.

    def left(self, stream: Stream) -> None:
        """Take word from the server that a client is gone."""
        self._guarded(self._left, stream)

    def _left(self, stream: Stream) -> None:
        """Note that the server says the client is gone; after the end it says so as well."""
        if not stream.is_stream:
            stream.gone = True
        elif stream.live and stream.accepted_at is None:
            stream.gone = True
            # While the last message is under way, what becomes of it decides.
            if not stream.ending:
                self._lost_client(stream)

    def _lost_client(self, stream: Stream) -> None:
        self._tracker.buffer.count_pending()
        # Who has read the end is not cut off by leaving.
        self._close(stream, "completed" if stream.terminal else "client_disconnected")
        self._tracker.orphan(stream)

    def _lifespan(self, receive: Receive) -> Receive:
        async def observed_receive() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._guarded(self.metrics.state_facts)
            elif message["type"] == "lifespan.shutdown":
                self._guarded(self._shut_down)
                for wait in self.metrics.at_shutdown:
                    await self._guarded_wait(wait)
            return message

        return observed_receive

    def _shut_down(self) -> None:
        """Close the books: on some servers nothing of ours runs after this."""
        for stream in self._tracker.open_streams(self):
            if stream.accepted_at is not None:
                self.accepted(stream)
            else:
                # Who is stuck in a send() for a lost client has had no occasion to be asked about.
                gone = stream.gone or peek(stream.receive)
                self._close(stream, "client_disconnected" if gone else "shutdown")
        self._tracker.flush()

    # Messages from the application.

    def _handle_other(self, stream: Stream, message: Message) -> Awaitable[None]:
        """Take everything but a body message in mid-stream: start, end, and the unusual."""
        try:
            if stream.live:
                if self._is_last(stream, message):
                    return self._last(stream, message)
            elif message["type"] == "http.response.start":
                stream.answered = True
                status = message["status"]
                if status == 200:
                    headers = message.get("headers", ())
                    if headers.__class__ is not list:
                        # It may be an iterator, which gives what it has only once.
                        headers = list(headers)
                        message = {**message, "headers": headers}
                    if is_event_stream(headers):
                        self._open(stream, message, headers)
                elif status >= 300 and asks_for_event_stream(stream.scope):
                    self._rejected(stream, status)
        except Exception:  # noqa: BLE001 - the stream goes on without us
            self._tracker.fault("middleware")
        sending: Awaitable[None] = stream.inner(message)
        if stream.live and sending.__class__ is not CoroutineType:
            stream.inner = transparent(stream.inner)
        return sending

    def _is_last(self, stream: Stream, message: Message) -> bool:
        """Count what an unusual message carries; tell whether nothing can follow it."""
        kind = message["type"]
        if kind == "http.response.body":
            if body := message.get("body"):
                self._note(stream, body)
            return not message.get("more_body") and not stream.trailers
        return kind == "http.response.trailers" and not message.get("more_trailers")

    def _note(self, stream: Stream, body: Any) -> None:
        if isinstance(body, bytes | bytearray | memoryview):
            # A copy: the application may use its buffer again.
            self._tracker.buffer.pending.append((stream, bytes(body), self._clock()))
            self._tracker.buffer.count_pending()

    def _open(self, stream: Stream, message: Message, headers: list[Any]) -> None:
        scope = stream.scope
        route = self._routes.resolve(scope)
        polled = stream.overrides is not None and stream.overrides.polled
        cursor, network = cursor_and_network(scope)
        if polled and cursor is None:
            cursor = b""
        labels = (ALL_USERS if self._segment is None else self._segment_of(scope), network)
        # One tuple for all streams with these labels, which are few.
        labels = self._labels.setdefault(labels, labels)
        self._tracker.open(stream, route, labels, cursor)
        if "trailers" in message:
            stream.trailers = bool(message["trailers"])
        if not polled:
            for fault in self._faults.of(headers, scope.get("http_version", "1.1")):
                faults = stream.counts.faults
                faults[fault] = faults.get(fault, 0) + 1
        if self._sockets is not None:
            self._sockets.watch(stream)
        if stream.gone:
            self._lost_client(stream)
        elif route.config.watch_disconnect:
            watch(stream)

    def _rejected(self, stream: Stream, status: int) -> None:
        counts = self._tracker.counts_of(self._routes.resolve(stream.scope))
        rejected = self.metrics.counter("sse_open_rejected_total")
        rejected.labels(counts.label, f"{min(status // 100, 5)}xx").inc()

    def _last(self, stream: Stream, message: Message) -> Awaitable[None]:
        if not stream.gone and not stream.asked:
            stream.gone = peek(stream.receive) is True
        if stream.gone:
            # Now, not afterwards: on HTTP/2 the last message of a lost client may never return.
            self._close(stream, "client_disconnected")
            self._tracker.orphan(stream)
            gone: Awaitable[None] = stream.inner(message)
            return gone
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
            if self._tracker.buffer.pending:
                self._tracker.buffer.count_pending()
            if stream.accepted_at is not None:
                self._close(stream, self._completed(stream), stream.accepted_at)
            elif stream.terminal:
                self._close(stream, self._completed(stream))
            elif stream.gone or peek(stream.receive):
                self._close(stream, "client_disconnected")
            else:
                self._close(stream, "shutdown" if exiting() else "server_error")
        if stream.gone or self._one_of_many or stream.counts.config.watch_disconnect:
            self._is_over(stream)

    def _raised(self, stream: Stream, error: BaseException) -> None:
        if not stream.is_stream:
            # Whoever is outside answers 500, unseen by us.
            failed = isinstance(error, Exception) and not (stream.answered or stream.gone)
            if failed and asks_for_event_stream(stream.scope):
                self._rejected(stream, 500)
            return
        if stream.live:
            self._tracker.buffer.count_pending()
            self._close(stream, self._why_raised(stream, error))
        self._is_over(stream)

    def _is_over(self, stream: Stream) -> None:
        self._tracker.forget(stream)
        if stream.counts.config.watch_disconnect:
            unwatch(stream)
        if self._one_of_many and exiting():
            # Without a life cycle (Django) nothing else says that no tick may follow.
            self._tracker.flush()

    def _why_raised(self, stream: Stream, error: BaseException) -> str:
        accepted = stream.accepted_at is not None
        if stream.terminal:
            return self._completed(stream)
        if isinstance(error, Exception) and accepted:
            return "server_error"
        if accepted:
            return self._completed(stream)
        if stream.gone or isinstance(error, OSError) or peek(stream.receive):
            return "client_disconnected"
        if isinstance(error, Exception):
            return "server_error"
        # Cancelled. Where the server shows that it is not exiting, the application did it.
        return "server_error" if exiting() is False else "shutdown"

    def accepted(self, stream: Stream) -> None:
        """Close a stream whose last message was accepted while the client was there."""
        self._close(stream, self._completed(stream), stream.accepted_at)

    def _completed(self, stream: Stream) -> str:
        """Return which kind of a good end this is; a route may demand a terminal event."""
        if stream.overrides is not None and stream.overrides.polled:
            return "completed" if stream.terminal else "polled"
        if stream.terminal:
            again = stream.resumed and not stream.has_payload
            return "already_complete" if again else "completed"
        return "server_error" if stream.counts.config.terminal_events else "completed"

    def _close(self, stream: Stream, reason: str, at: float | None = None) -> None:
        if stream.overrides is not None and stream.overrides.reason is not None:
            reason = stream.overrides.reason
        self._tracker.close(stream, reason, at)


def _declared_segments(segments: Sequence[str], segment: Any) -> tuple[str, ...]:
    if isinstance(segments, str) or not all(isinstance(name, str) and name for name in segments):
        raise SettingsError(f'segments={segments!r} is wrong; give a tuple of names, as ("free",)')
    if bool(segments) != (segment is not None):
        raise SettingsError("segments and segment belong together; give both or none")
    if segment is not None and (not callable(segment) or inspect.iscoroutinefunction(segment)):
        raise SettingsError(f"segment={segment!r} is wrong; give a plain function of the scope")
    if len(segments) > _MOST_SEGMENTS:
        raise SettingsError(f"segments: {len(segments)} names; {_MOST_SEGMENTS} are the most")
    return tuple(dict.fromkeys(segments))
