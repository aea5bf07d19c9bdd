"""
The words of an observed client on its streams: the only thing that its adapters know.

Nothing here raises: the application goes on without us.
"""

from collections.abc import Callable
from weakref import ref

from sse_observe.asgi import Header
from sse_observe.middleware.causes import evidence_of
from sse_observe.middleware.current_stream import CURRENT
from sse_observe.middleware.headers import is_event_stream, protocol_and_compression
from sse_observe.middleware.scan import UNREADABLE
from sse_observe.middleware.stream import OVER, Stream
from sse_observe.upstream.asking import AnyUnread
from sse_observe.upstream.stream import ConsumedStream
from sse_observe.upstream.tracker import UpstreamTracker

_COUNT_AT = 64
_STREAMED = (200, 201)


class Upstream:
    """One upstream, for the clients that are observed under its name; nothing here raises."""

    def __init__(self, tracker: UpstreamTracker, name: str, *, spans: bool = False) -> None:
        self.tracker = tracker
        self._counts = tracker.counts_of(name)
        self.name = name
        self.clock = tracker.streams.clock
        self._has_streamed = False
        self._spans = spans
        self.buffer = tracker.streams.buffer
        self.pending = self.buffer.pending

    def answered(
        self, at: float, asking: AnyUnread, status: int, headers: list[Header]
    ) -> ConsumedStream | None:
        """
        Take an answer; return what a Reading of its body is of, where that is a stream.

        The request was sent `at` this time. `asking` reads it, and is called only where it matters;
        it is kept until the end, so it may not hold the answer, which its reader may drop.
        """
        try:
            if status in _STREAMED and is_event_stream(headers):
                return self._opened(at, asking, headers)
            if status >= 400:
                self._refused(at, asking, asking().refusal(status))
        except Exception:  # noqa: BLE001 - the application goes on without us
            self.failed()
        return None

    def unreachable(
        self,
        at: float,
        asking: AnyUnread,
        error: BaseException,
        *,
        may_be_ours: bool = False,
    ) -> None:
        """Take a request that got no answer; `may_be_ours`: a limit of the client itself did it."""
        try:
            if isinstance(error, Exception) and not may_be_ours:
                asked = asking()
                # No connection, no body: what it was to ask is what others have asked before.
                is_usual = asked.body is None and self._has_streamed
                if is_usual or asked.wants_stream():
                    self._refused(at, asking, "unreachable", error)
        except Exception:  # noqa: BLE001 - the application goes on without us
            self.failed()

    def _opened(self, at: float, asking: AnyUnread, headers: list[Header]) -> ConsumedStream:
        consumed = self._consumed(at, asking)
        named, is_compressed = protocol_and_compression(headers)
        if named is not None:
            consumed.reader = self._counts.reader_of(named)
            consumed.short = consumed.reader.short
        if is_compressed:
            consumed.scan = UNREADABLE
        self.tracker.enter(consumed)
        self._has_streamed = True
        return consumed

    def _refused(
        self,
        at: float,
        asking: AnyUnread,
        reason: str | None,
        error: BaseException | None = None,
    ) -> None:
        if reason is not None:
            consumed = self._consumed(at, asking)
            consumed.error = weakly(error)
            self.tracker.refused(consumed, reason)

    def _consumed(self, at: float, asking: AnyUnread) -> ConsumedStream:
        served = CURRENT.get()
        if served is not None and (served.__class__ is not Stream or served.scope is OVER):
            served = None
        consumed = ConsumedStream(self.tracker, self._counts, at, asking, served)
        if served is not None:
            evidence_of(served).add(consumed)
        if self._spans:
            self.tracker.spans.begin(consumed, asking(), self.clock())
        return consumed

    def failed(self) -> None:
        """Count a failure of our own."""
        self.tracker.streams.observer_error("upstream")


class Reading:
    """The reading of one consumed stream, ended once; whoever drops it has abandoned it."""

    __slots__ = ("_consumed", "_upstream", "is_over")

    def __init__(self, upstream: Upstream, consumed: ConsumedStream) -> None:
        self._upstream = upstream
        self._consumed = consumed
        self.is_over = False

    def took(self, chunk: bytes) -> None:
        """Count what the application was given; the bytes are kept for a moment."""
        upstream = self._upstream
        try:
            if chunk:
                pending = upstream.pending
                kept = chunk if type(chunk) is bytes else bytes(chunk)
                pending.append((self._consumed, kept, upstream.clock()))
                if len(pending) >= _COUNT_AT:
                    upstream.buffer.count_pending()
        except Exception:  # noqa: BLE001 - the application goes on without us
            upstream.failed()

    def whole(self) -> None:
        """End with the body."""
        self._end(ConsumedStream.ended_in_order)

    def left(self) -> None:
        """End where the application has stopped reading."""
        if not self.is_over:
            self._end(ConsumedStream.left)

    def broke(self, error: BaseException, *, late: bool) -> None:
        """End with an error; one that is no Exception is the application's own doing."""
        if isinstance(error, Exception):
            self._consumed.error = weakly(error)
            self._end(ConsumedStream.late if late else ConsumedStream.cut)
        else:
            self.left()

    def _end(self, how: Callable[[ConsumedStream], str]) -> None:
        if not self.is_over:
            self.is_over = True
            try:
                self._upstream.tracker.end(self._consumed, how)
            except Exception:  # noqa: BLE001 - the application goes on without us
                self._upstream.failed()

    def __del__(self) -> None:
        if not self.is_over:
            self._upstream.tracker.drop(self._consumed)


def weakly(error: BaseException | None) -> "ref[BaseException] | None":
    """Return an error as it may be remembered: it holds the frames that it came through."""
    try:
        return None if error is None else ref(error)
    except TypeError:
        return None
