"""
One stream, from its request to its end: plain numbers, and the time between two looks at it.

Why a stream ended is decided by `endings`.
"""

from collections.abc import Mapping
from math import inf
from typing import Any, Protocol

from sse_observe.asgi import Message, Receive, Scope, Send
from sse_observe.middleware.reader import Reader
from sse_observe.middleware.route_counts import RouteCounts
from sse_observe.middleware.scan import FRESH, KEPT_OF_A_LINE, WAITING, Held, Scan
from sse_observe.protocols.model import TERMINAL
from sse_observe.registry.receipt import Receipt


class Owner(Protocol):
    """The middleware of a stream, as far as the stream itself needs it."""

    def left(self, stream: "Stream") -> None:
        """Take word from the server that the client is gone."""

    def accepted(self, stream: "Stream") -> None:
        """Close a stream whose last message was accepted while the client was there."""

    def ended(self, stream: "Stream", scope: Scope) -> None:
        """Close a stream whose application has returned since; the scope was its own."""


class ResumeCursor(Protocol):
    """The judge of a resumed connection's ids, until the connection has passed its cursor."""

    def saw(self, stream: "Stream", raw: bytes) -> "ResumeCursor | None":
        """Judge one id that was written; return itself while the next one matters too."""


class Span(Protocol):
    """The span of a stream: what the message path fills in, and who counts the stream ends."""

    chunk_at: float | None
    content_at: float | None
    failed_at: float | None

    @property
    def started(self) -> object:
        """OpenTelemetry's own span; None where it has not started."""

    def end(
        self,
        stream: "Stream",
        at: float,
        outcome: str,
        facts: Mapping[str, object],
        *,
        has_failed: bool,
    ) -> None:
        """End it at this time, in this way, with what else is known."""


class Overrides:
    """Statements of the application about its stream; they go before what is inferred."""

    __slots__ = ("continues", "judges_resume", "lost", "polled", "reason", "receipt", "replayed")

    def __init__(self) -> None:
        self.polled = False
        self.judges_resume = False
        self.continues = False
        """The replay began where the client's cursor stands."""
        self.lost = self.replayed = 0
        self.reason: str | None = None
        self.receipt: Receipt | None = None
        """What was sent, for the reports of its client; only where somebody takes them."""


NOTHING_STATED = Overrides()
"""Shared by all streams whose application states nothing; never written to."""
OVER: Scope = {}
"""The scope of a request that is over: nothing can say any more which route it was."""


class _EachMessage:
    """Fields that every message touches, side by side: two cache lines instead of five."""

    __slots__ = (
        *("coro", "events", "fast_bytes", "id", "inner", "live", "payload_at", "scan", "short"),
        "written_at",
    )


class Stream(_EachMessage):
    """
    One request, and from its response start on one stream; never shared by two.

    Made with `ask`, since most requests are no streams and should not pay for one; `begin` fills
    in the rest.
    """

    __slots__ = (
        # of the request
        *("answered", "asked", "asked_at", "asking", "evidence", "gone", "is_stream"),
        *("overrides", "owner", "receive", "scope"),
        # of the stream
        *("accepted_at", "accounted_at", "breach", "bytes", "content_at", "content_from", "counts"),
        *("cursor", "ending", "failure", "flows", "gap_from", "has_content", "labels", "last"),
        "opened_at",
        *("reader", "reason", "resumed", "silent", "span", "stalled", "stopped", "terminal"),
        "trailers",
    )
    owner: "Owner"
    scope: Scope
    """OVER once the request is over."""
    counts: RouteCounts
    asking: bool
    """The application waits for the server's word, and is told when the client leaves."""
    asked: bool
    """It has asked since the response began; who reads an upload asks before."""
    evidence: object
    """What the request has shown of causes, kept by `causes`; None until there is any."""
    labels: tuple[str, str]
    """The user segment and the network type."""
    reason: str | None
    scan: Scan | Held | None
    """None where the next message may be plain content: between two events, after content."""
    reader: Reader | None
    """None until the stream's protocol is recognised."""
    failure: str | None
    """The stream says that it failed, and nothing that the user waits for came since."""
    breach: str | None
    """The first limit of goodput that it broke while it was open."""
    content_at: float
    """When the first of its content came, once it `has_content`."""
    content_from: float
    """Up to here the gaps between its content are added up."""
    last: bytes | None
    """The last message after its cut, where it may hold the terminal beside its content."""
    accepted_at: float | None
    coro: Any
    """The server's awaitable for the last message, as long as it may be blocked."""
    cursor: ResumeCursor | None
    span: Span | None
    """None where nobody asked for one."""

    def ask(
        self, owner: "Owner", scope: Scope, receive: Receive, inner: Send, asked_at: float
    ) -> None:
        """Get ready to be a request. Not `__init__`, which would be called twice as slowly."""
        self.owner = owner
        self.scope = scope
        self.receive = receive
        self.inner = inner
        self.asked_at = asked_at
        self.answered = self.asking = self.gone = self.live = self.is_stream = False
        self.overrides = NOTHING_STATED
        self.evidence = None

    async def observed_receive(self) -> Message:
        """
        Ask the server for the application, and look at the answer.

        A method: the closure that it replaces would cost each open stream 200 bytes more.
        """
        self.asked = self.asking = True
        try:
            message = await self.receive()
        finally:
            self.asking = False
        if message["type"] == "http.disconnect":
            self.owner.left(self)
        return message

    def begin(self, counts: RouteCounts, labels: tuple[str, str], now: float) -> None:
        """Get ready to be a stream; `live` is set by the tracker."""
        self.counts = counts
        self.labels = labels
        self.opened_at = self.payload_at = self.accounted_at = now
        self.asked = self.asking
        self.written_at = self.gap_from = -inf
        self.accepted_at = self.reason = self.coro = self.cursor = self.span = None
        self.failure = self.last = self.breach = None
        self.resumed = self.ending = self.trailers = self.has_content = self.flows = False
        self.terminal = self.stopped = self.stalled = self.silent = False
        self.reader = counts.fixed
        self.short = (counts.fixed or counts.plain).short
        self.bytes = self.fast_bytes = self.events = 0
        self.id = b""
        self.scan = FRESH

    def read_last(self) -> None:
        """Read the message that the short path has kept: it may have been the terminal too."""
        last, self.last = self.last, None
        beginning = None if self.reader is None else self.reader.protocol.beginning
        if last is None or beginning is None or beginning.terminal is None:
            return
        if self.reader is not None and beginning.terminal(last):
            data = self.short[2].removeprefix(b"data:").removeprefix(b" ") + last
            if self.reader.meaning(b"", data) & TERMINAL:
                self.terminal = True
                # The short path does not see that content takes that back.
                self.scan = WAITING

    def states_nothing(self) -> bool:
        """Tell whether the stream has not said how it ends, or has gone on since."""
        return self.failure is None and not (self.terminal or self.stopped)

    def prelude(self, now: float) -> None:
        """Take an event that brings no content: it is no silence while the user waits for more."""
        if not self.has_content:
            if self.stalled:
                self.end_stall(now)
            self.payload_at = now

    def update_totals(self, now: float) -> None:
        """Add up what is kept per stream only: bytes, the sum of gaps, where the time went."""
        counts = self.counts
        counts.fast_volume += self.fast_bytes
        self.bytes += self.fast_bytes
        self.fast_bytes = 0
        if self.written_at > self.gap_from:
            counts.gaps.total += self.written_at - self.gap_from
            self.gap_from = self.written_at
        if self.has_content:
            counts.content_gaps.total += self.payload_at - self.content_from
            self.content_from = self.payload_at
        if len(self.id) > KEPT_OF_A_LINE:
            # The short path takes an id as it comes; no cursor is as long as this.
            self.id = b""
        since = self.accounted_at
        # A tick in slices, or another thread, may have looked at the clock before the last call.
        if now < since:  # noqa: PLR1730 - `max` takes five times as long
            now = since
        self.accounted_at = now
        frozen_from = self.payload_at + counts.stall_seconds
        if now < frozen_from:
            counts.flowing_seconds += now - since
            return
        frozen = now - max(since, frozen_from)
        counts.stalled_seconds += frozen
        counts.flowing_seconds += now - since - frozen
        if not self.stalled:
            self.stalled = True
            counts.stalled += 1
            counts.stalls += 1
            if self.scan is None:
                # The short path does not see that a stall ends.
                self.scan = WAITING

    def silence(self, now: float) -> float:
        """Return for how long nothing was written."""
        return now - max(self.written_at, self.opened_at)

    def end_stall(self, now: float) -> None:
        """End a stall: payload was sent."""
        since = self.accounted_at
        self.accounted_at = max(now, since)
        self.counts.stalled_seconds += self.accounted_at - since
        self.counts.stalled -= 1
        self.stalled = False
