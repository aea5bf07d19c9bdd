"""
What is kept of each stream and of each route between two flushes: plain numbers, no behaviour
that the message path would have to wait for.
"""

from math import inf
from typing import Any

from sse_observe.metrics import EVENTS, METRICS
from sse_observe.middleware.routes import StreamRoute

GAP_BOUNDS = METRICS["sse_event_gap_seconds"].buckets
SIZE_BOUNDS = METRICS["sse_event_size_bytes"].buckets
FIRST_BOUNDS = METRICS["sse_time_to_first_event_seconds"].buckets
DURATION_BOUNDS = METRICS["sse_stream_duration_seconds"].buckets
SIZES = len(SIZE_BOUNDS) + 1

# Counted as heartbeats and never taken for payload: a hung application must not hide behind
# its own pings. The last three are what other servers call theirs.
HEARTBEATS = ("heartbeat", "ping", "keepalive", "keep-alive")
HELLO = "sse.hello"


class RouteCounts:
    """Everything counted on one route since the last flush, in plain numbers."""

    __slots__ = (
        *("label", "config", "stall_seconds", "kinds", "rows", "quiet", "terminals", "heads"),
        *("pings", "short"),
        *("fast", "fast_volume", "slow", "slow_volume", "sizes_sum", "comments", "slow_messages"),
        *("firsts", "gaps", "gap_sum", "first_events", "first_events_sum"),
        *("opened", "closed", "cuts", "faults", "durations", "durations_sum"),
        *("open", "stalled", "silent", "orphaned", "flowing_seconds", "stalled_seconds"),
        *("stalls", "blocked_seconds", "lost", "duplicated", "exemplars"),
    )

    def __init__(self, label: str, config: StreamRoute) -> None:
        self.label = label
        self.config = config
        self.exemplars: Any = None
        """What points at traces, from the first stream on that has one."""
        self.stall_seconds = config.stall_seconds if config.kind == "finite" else inf
        self.kinds = tuple(dict.fromkeys((*EVENTS, *config.events)))
        self.rows = self._rows()
        terminals = config.terminal_events or ("done", "[DONE]")
        self.terminals = frozenset(name.encode() for name in terminals)
        self.quiet = frozenset(
            name.encode() for name in (*HEARTBEATS, HELLO) if name not in config.events
        )
        # What the short paths may recognise: filled only after the full reading.
        self.heads: dict[bytes | None, int] = {}
        self.fast = [0] * (len(self.kinds) * SIZES)
        self.short = self.heads, self.fast
        self.pings: dict[bytes, int] = {}
        # Gauges: what they show now, not since the last flush.
        self.open = self.stalled = self.silent = self.orphaned = 0
        self.clear()

    def _rows(self) -> dict[bytes, int]:
        """Return where each event name is counted; a name without a row is `other`."""
        config = self.config
        kind_of = dict.fromkeys(HEARTBEATS, "heartbeat") | {"": "message", "message": "message"}
        kind_of |= dict.fromkeys(("done", *config.terminal_events), "done")
        kind_of |= {name: name for name in config.events}
        return {name.encode(): self.kinds.index(kind) * SIZES for name, kind in kind_of.items()}

    def clear(self) -> None:
        """Forget what was counted; called with it written down, under the notes' lock."""
        cells = len(self.kinds) * SIZES
        # In place: the message path holds on to this list.
        self.fast[:] = [0] * cells
        self.slow = [0] * cells
        self.gaps = [0] * (len(GAP_BOUNDS) + 1)
        self.first_events = [0] * (len(FIRST_BOUNDS) + 1)
        self.durations = [0] * (len(DURATION_BOUNDS) + 1)
        self.opened: dict[tuple[str, tuple[str, str]], int] = {}
        self.closed: dict[tuple[str, tuple[str, str]], int] = {}
        self.cuts: dict[tuple[str, str], int] = {}
        self.faults: dict[str, int] = {}
        self.fast_volume = self.slow_volume = self.sizes_sum = self.comments = 0
        self.slow_messages = self.firsts = self.stalls = self.lost = self.duplicated = 0
        self.gap_sum = self.first_events_sum = self.durations_sum = 0.0
        self.flowing_seconds = self.stalled_seconds = self.blocked_seconds = 0.0

    def is_touched(self) -> bool:
        """Tell whether anything is to be written down; an idle route costs next to nothing."""
        return bool(
            self.opened
            or self.closed
            or any(self.fast)
            or self.slow_messages
            or self.flowing_seconds
            or self.stalled_seconds
            or self.lost
            or self.duplicated
            or self.blocked_seconds
        )


class _EachMessage:
    """What every message touches, side by side: two cache lines instead of five."""

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
        *("answered", "asked", "asked_at", "gone", "is_stream", "overrides", "owner", "receive"),
        "scope",
        # of the stream
        *("accepted_at", "accounted_at", "bytes", "cursor", "ending", "gap_from"),
        *("has_payload", "labels", "opened_at", "reason", "resumed", "silent"),
        *("stalled", "counts", "terminal", "trailers"),
    )
    counts: RouteCounts
    labels: tuple[str, str]
    reason: str | None
    scan: Any
    """A Scan or a Held; None between two events, once there was payload."""
    accepted_at: float | None
    coro: Any
    cursor: Any

    def ask(self, owner: Any, scope: Any, receive: Any, inner: Any, asked_at: float) -> None:
        """Get ready to be a request. Not `__init__`, which would be called twice as slowly."""
        self.owner = owner
        self.scope = scope
        self.receive = receive
        self.inner = inner
        self.asked_at = asked_at
        self.answered = self.asked = self.gone = self.live = self.is_stream = False
        self.overrides: Any = None

    async def observed_receive(self) -> Any:
        """
        Ask the server as the application does, and take note of the answer.

        A method: the closure that it replaces would cost each open stream 200 bytes more.
        """
        self.asked = True
        message = await self.receive()
        if message["type"] == "http.disconnect":
            self.owner.left(self)
        return message

    def begin(self, counts: RouteCounts, labels: tuple[str, str], now: float) -> None:
        """Get ready to be a stream; `live` is set by who has entered it into the books."""
        self.counts = counts
        self.labels = labels
        self.opened_at = self.payload_at = self.accounted_at = now
        self.written_at = self.gap_from = -inf
        self.accepted_at = self.reason = self.coro = self.cursor = None
        self.resumed = self.ending = self.trailers = self.has_payload = False
        self.terminal = self.stalled = self.silent = False
        self.short = counts.short
        self.bytes = self.fast_bytes = self.events = 0
        self.id = b""
        self.scan = FRESH

    def force_full_parse(self) -> None:
        """Send the next messages past the short paths, which see plain payload only."""
        if self.scan is None or self.scan is WAITING:
            self.scan = Scan()
        elif self.scan is FRESH:
            self.scan = Scan(fresh=True)

    def update_totals(self, now: float) -> None:
        """Add up what is kept per stream only: bytes, the sum of gaps, where the time went."""
        counts = self.counts
        counts.fast_volume += self.fast_bytes
        self.bytes += self.fast_bytes
        self.fast_bytes = 0
        if self.written_at > self.gap_from:
            counts.gap_sum += self.written_at - self.gap_from
            self.gap_from = self.written_at
        since = self.accounted_at
        # A tick in slices, or another thread, may have looked at the clock before the last call.
        self.accounted_at = now = max(now, since)
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
            self.force_full_parse()

    def end_stall(self, now: float) -> None:
        """Note the payload that ends a stall."""
        since = self.accounted_at
        self.accounted_at = max(now, since)
        self.counts.stalled_seconds += self.accounted_at - since
        self.counts.stalled -= 1
        self.stalled = False


class Scan:
    """Where a stream stands that is not simply between two payload events."""

    __slots__ = (
        "after_cr",
        "bom",
        "comment",
        "data",
        "done",
        "id",
        "length",
        "name",
        "rest",
        "size",
    )

    def __init__(self, *, fresh: bool = False) -> None:
        self.bom: bytes | None = b"" if fresh else None
        self.after_cr = False
        self.rest = b""
        self.length = 0
        self.clear()

    def clear(self) -> None:
        """Begin a new block."""
        self.size = self.data = 0
        self.name = b""
        self.id: bytes | None = None
        self.comment = self.done = False

    def is_between_events(self) -> bool:
        """Tell whether the next byte begins a block."""
        return not (self.length or self.size or self.after_cr or self.bom is not None)


class Held:
    """The beginning of a block that was cut in two, and where the stream stood before it."""

    __slots__ = ("before", "beginning")

    def __init__(self, before: Scan | None, beginning: bytes) -> None:
        self.before = before
        self.beginning = beginning


# Two places to stand that need no memory: nothing is read yet, and no payload is read yet.
FRESH = Scan(fresh=True)
WAITING = Scan()
