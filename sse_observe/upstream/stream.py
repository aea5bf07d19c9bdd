"""
One consumed stream, from its request to its end.

Read by the message path as a served one is; how it ended is decided here.
"""

from collections.abc import Callable
from weakref import ref

from sse_observe.asgi import Scope
from sse_observe.middleware import endings
from sse_observe.middleware.route_counts import RouteCounts
from sse_observe.middleware.scan import UNREADABLE
from sse_observe.middleware.spans import StreamSpan
from sse_observe.middleware.stream import NOTHING_STATED, OVER, Owner, Stream
from sse_observe.upstream.asking import AnyUnread
from sse_observe.upstream.counts import UpstreamCounts

_NO_LABELS = "", ""
# What the stream itself has said, in the words of an upstream.
_SAID = {"cancelled": "abandoned", "already_complete": "completed", "server_error": "cut"}


class ConsumedStream(Stream):
    """A stream that the application consumes, or a request for one that got none."""

    __slots__ = (
        "closed_as",
        "ended_at",
        "ends",
        "error",
        "model",
        "request",
        "served",
        "unread_from",
        "upstream",
    )
    span: StreamSpan | None

    def __init__(
        self,
        owner: Owner,
        upstream: UpstreamCounts,
        asked_at: float,
        request: AnyUnread,
        served: Stream | None,
    ) -> None:
        self.owner = owner
        self.asked_at = asked_at
        self.asking = self.gone = self.live = self.is_stream = False
        self.overrides = NOTHING_STATED
        # The message path needs of a route's counts what an upstream's have as well.
        counts: RouteCounts = upstream  # type: ignore[assignment]
        self.begin(counts, _NO_LABELS, asked_at)
        self.upstream = upstream
        self.request: AnyUnread | None = request
        """None once the end is counted."""
        self.served = served
        """The stream that was being answered; None where there is none, and after the end."""
        self.model: str | None = None
        """The model that was asked for, kept where its span names it."""
        self.closed_as: str | None = None
        self.ended_at: float | None = None
        self.ends: Callable[[ConsumedStream], str] | None = None
        """Tells how it has ended, until that is counted."""
        self.error: ref[BaseException] | None = None
        self.unread_from: float | None = None

    @property
    def scope(self) -> Scope:  # type: ignore[override]
        """The request as a server would see it, read where somebody asks."""
        return OVER if self.request is None else self.request().scope

    @property
    def end(self) -> str | None:
        """How it has ended; before that, `error_event` where it has said that it failed."""
        if self.closed_as is None and self.failure is not None:
            return "error_event"
        return self.closed_as

    @property
    def waited(self) -> float | None:
        """Seconds from the request to the first content; None where there is none yet."""
        return self.content_at - self.asked_at if self.has_content else None

    def ended_in_order(self) -> str:
        """Return the end of a stream of which all was read."""
        return self._in_our_words(endings.delivered(self))

    def left(self) -> str:
        """Return the end of a stream that its reader has given up, maybe after its last word."""
        return self._stated_or("abandoned")

    def late(self) -> str:
        """Return the end of a stream that was silent for too long, unless it has said its own."""
        return self._stated_or("timeout")

    def cut(self) -> str:
        """Return the end of a stream that broke off, unless it has said its own."""
        return self._stated_or("cut")

    def _stated_or(self, how: str) -> str:
        reason = endings.stated(self)
        return how if reason is None else self._in_our_words(reason)

    def _in_our_words(self, reason: str) -> str:
        if reason == "completed" and not self.has_content and self._is_empty():
            return "empty"
        return _SAID.get(reason, reason)

    def _is_empty(self) -> bool:
        if self.scan is UNREADABLE:
            return False
        reader = self.reader or self.upstream.plain
        return self.terminal or reader.protocol.demands_content(self.scope)
