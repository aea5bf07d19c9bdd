"""
From plain numbers to prometheus_client: one route's counts, written down as differences.

The only place that knows which field of a counts is which metric. The same code serves one
process and many: prometheus_client decides where a number lives.
"""

from sse_observe.middleware.stream import SIZES, RouteCounts
from sse_observe.registry import SSEMetrics


class Flush:
    """The metric children of one route, resolved once."""

    def __init__(self, metrics: SSEMetrics, counts: RouteCounts) -> None:
        route, config = counts.label, counts.config
        self._metrics = metrics
        self._counts = counts
        metrics.zero(route, events=config.events)
        metrics.state("sse_route_info", 1, route=route, kind=config.kind)
        if config.heartbeat_seconds is not None:
            metrics.state("sse_heartbeat_interval_seconds", config.heartbeat_seconds, route=route)
        if config.limit is not None:
            metrics.state("sse_stream_limit", config.limit, route=route)
        self._gauges = [
            (name, metrics.gauge(f"sse_{family}_streams").labels(route=route))
            for name, family in (
                ("open", "concurrent"),
                ("silent", "silent"),
                ("stalled", "stalled"),
                ("orphaned", "orphaned"),
            )
        ]
        self._shown = dict.fromkeys((name for name, _ in self._gauges), 0)
        self._counters = [
            (field, metrics.counter(name).labels(route=route, **labels))
            for field, name, labels in (
                ("flowing_seconds", "sse_stream_seconds_total", {"state": "flowing"}),
                ("stalled_seconds", "sse_stream_seconds_total", {"state": "stalled"}),
                ("blocked_seconds", "sse_send_blocked_seconds_total", {}),
                ("stalls", "sse_stall_detections_total", {"seen_by": "server"}),
                ("lost", "sse_message_loss_total", {"seen_by": "server"}),
                ("duplicated", "sse_duplicate_events_total", {"seen_by": "server"}),
            )
        ]
        sent = metrics.counter("sse_events_sent_total")
        self._events = [sent.labels(route=route, event=kind) for kind in counts.kinds]
        self._comments = sent.labels(route=route, event="comment")
        self._bytes = metrics.counter("sse_sent_bytes_total").labels(route=route)
        self._sizes = metrics.histogram("sse_event_size_bytes").labels(route=route)
        self._gaps = metrics.histogram("sse_event_gap_seconds").labels(route=route)
        self._first = metrics.histogram("sse_time_to_first_event_seconds").labels(route=route)
        self._durations = metrics.histogram("sse_stream_duration_seconds").labels(route=route)

    def write(self) -> None:
        """Write down everything since the last call; the caller holds the notes' lock."""
        counts = self._counts
        for name, gauge in self._gauges:
            change = getattr(counts, name) - self._shown[name]
            if change:
                gauge.inc(change)
                self._shown[name] += change
        if not counts.is_touched():
            return
        for field, counter in self._counters:
            if amount := getattr(counts, field):
                counter.inc(amount)
        self._write_streams()
        self._write_events()
        counts.clear()

    def _write_streams(self) -> None:
        counts, metrics = self._counts, self._metrics
        for (start, (segment, network)), count in counts.opened.items():
            metrics.zero_segment(counts.label, segment, network)
            opened = metrics.counter("sse_streams_opened_total")
            opened.labels(counts.label, start, segment, network).inc(count)
        for (reason, (segment, network)), count in counts.closed.items():
            closed = metrics.counter("sse_streams_closed_total")
            closed.labels(counts.label, reason, segment, network).inc(count)
        for (since, limit), count in counts.cuts.items():
            metrics.counter("sse_cuts_total").labels(counts.label, since, limit).inc(count)
        for fault, count in counts.faults.items():
            metrics.counter("sse_response_faults_total").labels(counts.label, fault).inc(count)
        if counts.closed:
            self._durations.add(counts.durations, counts.durations_sum)
        if counts.first_events_sum or any(counts.first_events):
            self._first.add(counts.first_events, counts.first_events_sum)

    def _write_events(self) -> None:
        counts = self._counts
        fast_events = sum(counts.fast)
        messages = fast_events + counts.slow_messages
        if not messages:
            if counts.gap_sum:
                self._gaps.add(counts.gaps, counts.gap_sum)
            return
        cells = [a + b for a, b in zip(counts.fast, counts.slow, strict=True)]
        rows = [cells[at : at + SIZES] for at in range(0, len(cells), SIZES)]
        for child, row in zip(self._events, rows, strict=True):
            if count := sum(row):
                child.inc(count)
        if counts.comments:
            self._comments.inc(counts.comments)
        self._bytes.inc(counts.fast_volume + counts.slow_volume)
        sizes = [sum(column) for column in zip(*rows, strict=True)]
        # Each event of the short path ends in one blank line, which is no part of its size.
        self._sizes.add(sizes, counts.fast_volume - fast_events + counts.sizes_sum)
        # The message path counts no gap below the lowest bound: they are what remains.
        counts.gaps[0] += messages - counts.firsts - sum(counts.gaps)
        self._gaps.add(counts.gaps, counts.gap_sum)
