"""
The consumed streams of one SSEMetrics: opened, read and ended, from any thread, never raising.

Knows neither HTTP nor its clients. Messages are counted by the message path of the served streams,
under the same lock.
"""

from collections import deque
from collections.abc import Callable

from sse_observe.asgi import Scope
from sse_observe.metrics import OTHER
from sse_observe.middleware.end_log import LOGGER
from sse_observe.middleware.stream import OVER, Stream
from sse_observe.middleware.tracker import StreamTracker
from sse_observe.registry import SSEMetrics
from sse_observe.registry.flush import Flush
from sse_observe.upstream.counts import UpstreamCounts
from sse_observe.upstream.spans import ConsumedSpans
from sse_observe.upstream.stream import ConsumedStream

MOST_UPSTREAMS = 20
"""Names of one process; `other` comes on top."""


class UpstreamTracker:
    """The upstreams of one SSEMetrics, and the consumed streams that are open."""

    def __init__(self, metrics: SSEMetrics) -> None:
        self._metrics = metrics
        self.streams = StreamTracker.of(metrics)
        self._upstreams: dict[str, tuple[UpstreamCounts, Flush]] = {}
        self._open: dict[ConsumedStream, None] = {}
        self.spans = ConsumedSpans(self.streams.spans)
        # Dropped by their readers: ended by whoever next holds the lock, as a collector may not.
        self._dropped: deque[ConsumedStream] = deque()
        self.streams.companions.add(self)

    @classmethod
    def of(cls, metrics: SSEMetrics) -> "UpstreamTracker":
        """Return the one tracker of these metrics."""
        return metrics.attach(cls, lambda: cls(metrics))

    def counts_of(self, name: str) -> UpstreamCounts:
        """Return the counts of an upstream; those of `other` where there are too many names."""
        with self.streams.lock:
            if name not in self._upstreams:
                if len(self._upstreams.keys() - {OTHER}) >= MOST_UPSTREAMS and name != OTHER:
                    LOGGER.warning(
                        "%s is upstream number %d; it is counted as `%s`",
                        name,
                        MOST_UPSTREAMS + 1,
                        OTHER,
                    )
                    return self.counts_of(OTHER)
                self._metrics.zero(name, "upstream")
                counts = UpstreamCounts(name)
                self._upstreams[name] = counts, Flush(self._metrics, counts, name)
            return self._upstreams[name][0]

    # Consumed streams.

    def enter(self, consumed: ConsumedStream) -> None:
        """Count a stream that begins."""
        with self.streams.lock:
            consumed.live = consumed.is_stream = True
            consumed.upstream.opened += 1
            self._open[consumed] = None
        self.streams.keeps_ticking(self.streams.clock())

    def end(self, consumed: ConsumedStream, how: Callable[[ConsumedStream], str]) -> None:
        """
        Take the end of a stream, once; it is counted after its messages, with some others.

        Whoever asks for a cause counts what is pending first.
        """
        if not consumed.live:
            return
        consumed.live = False
        consumed.ended_at = self.streams.clock()
        consumed.ends = how
        if consumed.request is not None:
            consumed.request.let_go()
        if consumed.served is not None:
            with self.streams.lock:
                self._add_unread(consumed, consumed.ended_at)
        self.streams.buffer.end(consumed, OVER)
        self._written()
        if consumed.span is not None and not self.streams.keeps_ticking(consumed.ended_at):
            # Nobody else may come by for long, and a span is told once it has ended.
            self.streams.buffer.count_pending()

    def ended(self, consumed: Stream, scope: Scope) -> None:  # noqa: ARG002 - it keeps its own
        """Count the end of a stream whose messages are counted; called by the message path."""
        if not isinstance(consumed, ConsumedStream) or consumed.ends is None:
            return
        # Two threads that end it at once are taken for one.
        if consumed in self._open:
            reason = consumed.ends(consumed)
            consumed.ends = None
            consumed.update_totals(consumed.ended_at or consumed.asked_at)
            del self._open[consumed]
            consumed.scan = None
            self._count(consumed, reason)

    def refused(self, consumed: ConsumedStream, reason: str) -> None:
        """Count a request for a stream that got none."""
        with self.streams.lock:
            consumed.ended_at = self.streams.clock()
            self._count(consumed, reason)
        self._written()

    def _count(self, consumed: ConsumedStream, reason: str) -> None:
        """Count an end; the stream that was being answered is let go by the last who asks."""
        consumed.closed_as = reason
        consumed.upstream.closed[reason,] += 1
        consumed.request = None
        if consumed.span is None:
            consumed.served = None
        else:
            self.spans.end(consumed)

    def left(self, consumed: Stream) -> None:
        """Be an owner: no server says of a consumed stream that its client is gone."""

    def accepted(self, consumed: Stream) -> None:
        """Be an owner: nothing is sent on a consumed stream."""

    def drop(self, consumed: ConsumedStream) -> None:
        """Take a stream that nobody holds any more; called by whatever thread collects it."""
        self._dropped.append(consumed)

    def _written(self) -> None:
        if self._metrics.directory is not None:
            # Nobody reads this process before a scrape: without a tick the end would be missed.
            self.streams.counted()

    # A companion of the served streams.

    def has_streams(self) -> bool:
        """Tell whether any consumed stream is open, or its span waits."""
        return bool(self._open or self.spans.waiting)

    def look(self, now: float, *, last: bool) -> None:
        """End what was dropped, and add up the time for which nobody read."""
        while self._dropped:
            self.end(self._dropped.popleft(), ConsumedStream.left)
        self.streams.buffer.count_pending()
        for consumed in self._open:
            consumed.update_totals(now)
            self._add_unread(consumed, now)
        self.spans.look(last=last)

    @staticmethod
    def _add_unread(consumed: ConsumedStream, now: float) -> None:
        if consumed.served is None or not consumed.served.gone:
            return
        if consumed.unread_from is not None:
            consumed.upstream.unread_seconds += max(now - consumed.unread_from, 0.0)
        consumed.unread_from = now

    def write(self) -> None:
        """Write everything down; the caller holds the lock."""
        for _, flush in list(self._upstreams.values()):
            flush.write()
