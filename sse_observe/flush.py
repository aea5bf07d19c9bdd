"""
From plain numbers to prometheus_client: one route's counts, written down as differences.

The only place that knows which field of a tally is which metric. The same code serves one
process and many: prometheus_client decides where a number lives.
"""

from sse_observe.registry import SSEMetrics
from sse_observe.stream import SIZES, RouteTally


class Flush:
    """The metric children of one route, resolved once."""

    def __init__(self, metrics: SSEMetrics, tally: RouteTally) -> None:
        route, config = tally.label, tally.config
        self._metrics = metrics
        self._tally = tally
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
        self._events = [sent.labels(route=route, event=kind) for kind in tally.kinds]
        self._comments = sent.labels(route=route, event="comment")
        self._bytes = metrics.counter("sse_sent_bytes_total").labels(route=route)
        self._sizes = metrics.histogram("sse_event_size_bytes").labels(route=route)
        self._gaps = metrics.histogram("sse_event_gap_seconds").labels(route=route)
        self._first = metrics.histogram("sse_time_to_first_event_seconds").labels(route=route)
        self._durations = metrics.histogram("sse_stream_duration_seconds").labels(route=route)

    def write(self) -> None:
        """Write down everything since the last call; the caller holds the notes' lock."""
        tally = self._tally
        for name, gauge in self._gauges:
            change = getattr(tally, name) - self._shown[name]
            if change:
                gauge.inc(change)
                self._shown[name] += change
        if not tally.is_touched():
            return
        for field, counter in self._counters:
            if amount := getattr(tally, field):
                counter.inc(amount)
        self._write_streams()
        self._write_events()
        tally.clear()

    def _write_streams(self) -> None:
        tally, metrics = self._tally, self._metrics
        for (start, (segment, network)), count in tally.opened.items():
            metrics.zero_segment(tally.label, segment, network)
            opened = metrics.counter("sse_streams_opened_total")
            opened.labels(tally.label, start, segment, network).inc(count)
        for (reason, (segment, network)), count in tally.closed.items():
            closed = metrics.counter("sse_streams_closed_total")
            closed.labels(tally.label, reason, segment, network).inc(count)
        for (since, limit), count in tally.cuts.items():
            metrics.counter("sse_cuts_total").labels(tally.label, since, limit).inc(count)
        for fault, count in tally.faults.items():
            metrics.counter("sse_response_faults_total").labels(tally.label, fault).inc(count)
        if tally.closed:
            self._durations.add(tally.durations, tally.durations_sum)
        if tally.first_events_sum or any(tally.first_events):
            self._first.add(tally.first_events, tally.first_events_sum)

    def _write_events(self) -> None:
        tally = self._tally
        fast_events = sum(tally.fast)
        messages = fast_events + tally.slow_messages
        if not messages:
            if tally.gap_sum:
                self._gaps.add(tally.gaps, tally.gap_sum)
            return
        cells = [a + b for a, b in zip(tally.fast, tally.slow, strict=True)]
        rows = [cells[at : at + SIZES] for at in range(0, len(cells), SIZES)]
        for child, row in zip(self._events, rows, strict=True):
            if count := sum(row):
                child.inc(count)
        if tally.comments:
            self._comments.inc(tally.comments)
        self._bytes.inc(tally.fast_volume + tally.slow_volume)
        sizes = [sum(column) for column in zip(*rows, strict=True)]
        # Each event of the short path ends in one blank line, which is no part of its size.
        self._sizes.add(sizes, tally.fast_volume - fast_events + tally.sizes_sum)
        # The message path counts no gap below the lowest bound: they are what remains.
        tally.gaps[0] += messages - tally.firsts - sum(tally.gaps)
        self._gaps.add(tally.gaps, tally.gap_sum)
