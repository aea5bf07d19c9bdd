"""
The counts of the message path, in plain numbers, and how events are told apart.

Of whatever streams: those that a route serves, those that an application consumes. No behaviour
that the message path would have to wait for.
"""

from bisect import bisect_left
from math import inf

from sse_observe.contract import DONE, HEARTBEATS
from sse_observe.metrics import EVENTS, METRICS
from sse_observe.middleware.event_names import EventNames
from sse_observe.middleware.exemplars import Exemplars
from sse_observe.middleware.reader import Reader
from sse_observe.middleware.routes import StreamRoute
from sse_observe.protocols import AUTO, NONE, Protocol, protocol
from sse_observe.registry.counts import Counts, Distribution, Keyed

CONTENT_GAP_BOUNDS = METRICS["sse_content_gap_seconds"].buckets
GAP_BOUNDS = METRICS["sse_event_gap_seconds"].buckets
SIZE_BOUNDS = METRICS["sse_event_size_bytes"].buckets
FIRST_BOUNDS = METRICS["sse_time_to_first_event_seconds"].buckets
SIZES = len(SIZE_BOUNDS) + 1
SIZE_BINS = bytes(bisect_left(SIZE_BOUNDS, n - 1) for n in range(65_538))
"""
The size bin by the length of an event with its blank line, up to 64 KiB: a table costs 44 ns where
a bisect costs 120.
"""
LARGE = len(SIZE_BINS)
# Names that an application writes are few; a hostile one must not fill the memory.
MOST_HEADS = 256


class MessageCounts(Counts):
    """
    Everything that the message path counts; which metrics it moves, a subclass declares.

    Events are counted in `fast` and `slow`: a row for each event name, in it a cell for each
    size. `complete` turns them into what is written down.
    """

    content_gaps: Distribution
    empty: int
    events: Keyed
    first_events: Distribution
    flowing_seconds: float
    gaps: Distribution
    late: int
    sent_bytes: int
    sizes: Distribution
    stalled: int
    stalled_seconds: float
    stalls: int

    __slots__ = (
        *("config", "exemplars", "fixed", "kinds", "label", "names", "plain", "rows"),
        *("_readers", "first_event_within", "gap_within", "is_limited", "stall_seconds"),
        *("comments", "content_firsts", "contents", "fast", "fast_volume", "firsts", "pings"),
        *("slow", "slow_messages", "slow_volume"),
    )

    def __init__(self, label: str, config: StreamRoute) -> None:
        self.label = label
        self.config = config
        self.exemplars: Exemplars | None = None
        """Set by the first stream that belongs to a trace."""
        self.stall_seconds = config.stall_limit
        self.first_event_within, self.gap_within = config.goodput_limits
        self.is_limited = min(config.goodput_limits) < inf
        self.names = EventNames() if config.demands_terminal else None
        """Kept where a stream may lack the terminal that was declared."""
        self.kinds = tuple(dict.fromkeys((*EVENTS, *config.events)))
        self.rows = self._rows()
        self.fast = [0] * (len(self.kinds) * SIZES)
        self._readers: dict[str, Reader] = {}
        self.plain = self.reader_of(NONE)
        """The reader of streams whose protocol nobody knows."""
        self.fixed = None if config.protocol == AUTO else self.reader_of(protocol(config.protocol))
        """The reader of all streams, where their declaration names a protocol."""
        self.pings: dict[bytes, int] = {}
        super().__init__()

    def _rows(self) -> dict[bytes, int]:
        """Return where each event name is counted; a name without a row is `other`."""
        config = self.config
        kind_of = dict.fromkeys(HEARTBEATS, "heartbeat") | {"": "message", "message": "message"}
        kind_of |= dict.fromkeys((DONE, *config.terminal_events), DONE)
        kind_of |= {name: name for name in config.events}
        return {name.encode(): self.kinds.index(kind) * SIZES for name, kind in kind_of.items()}

    def reader_of(self, protocol: Protocol) -> Reader:
        """Return what reads the streams of one protocol."""
        reader = self._readers.get(protocol.name)
        if reader is None:
            reader = self._readers[protocol.name] = Reader(protocol, self.config, self.fast)
        return reader

    def clear(self) -> None:
        """Begin anew, with everything written down; called under the buffer's lock."""
        super().clear()
        cells = len(self.kinds) * SIZES
        # In place: the message path holds on to this list.
        self.fast[:] = [0] * cells
        self.slow = [0] * cells
        self.fast_volume = self.slow_volume = self.slow_messages = self.comments = 0
        self.firsts = self.contents = self.content_firsts = 0

    def is_touched(self) -> bool:
        """Tell whether anything is to be written down; what is idle costs next to nothing."""
        return bool(self.slow_messages) or any(self.fast) or super().is_touched()

    def complete(self) -> None:
        """Turn what the message path counted into events, bytes, sizes and gaps."""
        fast_events = sum(self.fast)
        messages = fast_events + self.slow_messages
        if not messages:
            return
        cells = [a + b for a, b in zip(self.fast, self.slow, strict=True)]
        rows = [cells[at : at + SIZES] for at in range(0, len(cells), SIZES)]
        for kind, row in zip(self.kinds, rows, strict=True):
            if sent := sum(row):
                self.events[kind,] = sent
        if self.comments:
            self.events["comment",] += self.comments
        self.sent_bytes = self.fast_volume + self.slow_volume
        self.sizes.bins = [sum(column) for column in zip(*rows, strict=True)]
        # Each event of the short path ends in one blank line, which is no part of its size.
        self.sizes.total += self.fast_volume - fast_events
        # The message path counts no gap below the lowest bound: they are what remains.
        self.gaps.bins[0] += messages - self.firsts - sum(self.gaps.bins)
        gaps = fast_events + self.contents - self.content_firsts
        self.content_gaps.bins[0] += gaps - sum(self.content_gaps.bins)
