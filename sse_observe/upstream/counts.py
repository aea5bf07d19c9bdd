"""Everything that is counted on one upstream, in plain numbers."""

from bisect import bisect_left
from collections import defaultdict

from sse_observe.middleware.message_counts import (
    CONTENT_GAP_BOUNDS,
    FIRST_BOUNDS,
    GAP_BOUNDS,
    SIZE_BOUNDS,
    MessageCounts,
)
from sse_observe.middleware.routes import StreamRoute
from sse_observe.registry.counts import Distribution, Keyed, moves

_PLAIN = StreamRoute()


class UpstreamCounts(MessageCounts, shared=("upstream",)):
    """Everything counted on one upstream since the last flush."""

    opened: int = moves("sse_upstream_streams_opened_total")
    closed: Keyed = moves("sse_upstream_streams_closed_total")
    waits: Distribution = moves("sse_upstream_first_content_seconds")
    pauses: Distribution = moves("sse_upstream_content_gap_seconds")
    received: int = moves("sse_upstream_events_total")
    received_bytes: int = moves("sse_upstream_bytes_total")
    unread_seconds: float = moves("sse_upstream_unread_seconds_total")

    __slots__ = (
        *("content_gaps", "empty", "events", "first_events", "flowing_seconds", "gaps"),
        *("sent_bytes", "sizes", "stalled", "stalled_seconds", "stalls"),
    )

    def __init__(self, name: str) -> None:
        super().__init__(name, _PLAIN)

    def clear(self) -> None:
        """Begin anew, with everything written down."""
        super().clear()
        self.content_gaps = Distribution(CONTENT_GAP_BOUNDS)
        self.first_events = Distribution(FIRST_BOUNDS)
        self.gaps = Distribution(GAP_BOUNDS)
        self.sizes = Distribution(SIZE_BOUNDS)
        self.events = defaultdict(int)
        self.empty = self.sent_bytes = self.stalled = self.stalls = 0
        self.flowing_seconds = self.stalled_seconds = 0.0

    def complete(self) -> None:
        """Turn what the message path counted into what is told of an upstream."""
        super().complete()
        self.events.pop(("comment",), None)
        self.received = sum(self.events.values())
        self.received_bytes = self.sent_bytes
        _add(self.first_events, self.waits)
        _add(self.content_gaps, self.pauses)


def _add(fine: Distribution, coarse: Distribution) -> None:
    """Add observations to a distribution whose bounds are some of the finer one's."""
    for bound, found in zip((*fine.bounds, float("inf")), fine.bins, strict=True):
        coarse.bins[bisect_left(coarse.bounds, bound)] += found
    coarse.total += fine.total
