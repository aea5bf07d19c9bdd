"""
Counts of what browsers reported, in plain numbers, written down as metrics.

Written down before each scrape, and once a second for those that do not come by here: the locks
of prometheus_client would be half of all that a beacon report costs. Labels come from tokens
alone.
"""

import asyncio
import atexit
import os
from operator import add
from threading import Lock

from msgspec.structs import astuple

from sse_observe.beacon.report import DELAY, RECONNECT, RECOVERY, BeaconReport, Shown, Vector
from sse_observe.metrics import CLIENT_OUTCOMES, OTHER
from sse_observe.registry import SSEMetrics
from sse_observe.registry.multiprocess import MULTIPROC_DIR
from sse_observe.registry.sink import Histogram

_WRITE_SECONDS = 1.0
# Routes and segments are bounded where they are declared; this holds where a secret is shared.
_MOST_LABELS = 500
# Which number of a beacon report is which metric, beside its route and its network or observer.
_COUNTERS = {
    "events": ("sse_client_events_received_total", "network_type"),
    "duplicates": ("sse_duplicate_events_total", "seen_by"),
    "lost": ("sse_message_loss_total", "seen_by"),
    "stalls": ("sse_stall_detections_total", "seen_by"),
}


class ClientCounts:
    """The client's half of the metrics, its series kept at hand for each set of labels."""

    def __init__(self, metrics: SSEMetrics) -> None:
        self._metrics = metrics
        self._counts: dict[tuple[str, str, str], ReportCounts] = {}
        self._touched: set[ReportCounts] = set()
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        metrics.join()
        metrics.before_scrape.append(self.write)
        if MULTIPROC_DIR in os.environ:
            # What came in the last second would die with a worker that stops in order.
            atexit.register(self.write)

    def of(self, route: str, user_segment: str, network_type: str) -> "ReportCounts":
        """Return the counts of these labels; their series exist at 0 from now on."""
        labels = (route, user_segment, network_type)
        counts = self._counts.get(labels)
        if counts is None:
            if len(self._counts) >= _MOST_LABELS:
                labels = (OTHER, OTHER, "unknown")
            counts = self._counts.setdefault(labels, ReportCounts(self._metrics, *labels))
        return counts

    def add(self, report: BeaconReport, counts: "ReportCounts") -> None:
        """Add what a beacon report says to one of our counts."""
        with self._lock:
            counts.add(report)
            is_first = not self._touched
            self._touched.add(counts)
        if is_first:
            self._write_soon()

    def end(self, outcome: str, counts: "ReportCounts") -> None:
        """Count how a client said that its stream ended, once the server has seen the end."""
        with self._lock:
            counts.ended[outcome] += 1
            is_first = not self._touched
            self._touched.add(counts)
        if is_first:
            self._write_soon()

    def _write_soon(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # A stream that ended outside of any loop; a scrape writes it down.
            return
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(_WRITE_SECONDS, self._write_now)

    def _write_now(self) -> None:
        self._loop = None
        self.write()

    def write(self) -> None:
        """Write down what was added since the last time."""
        with self._lock:
            for counts in self._touched:
                counts.write()
            self._touched.clear()


class ReportCounts:
    """The series of one (route, segment, network), and what they are still to be moved by."""

    def __init__(self, metrics: SSEMetrics, route: str, segment: str, network: str) -> None:
        metrics.zero(route, "client")
        metrics.zero_segment(route, segment, network, "client")
        counter, histogram = metrics.counter, metrics.histogram
        second = {"network_type": network, "seen_by": "client"}
        self._counters = [
            (field, counter(name, route, second[label]))
            for field, (name, label) in _COUNTERS.items()
        ]
        self._shown = [
            counter("sse_ui_messages_shown_total", route, message)
            for message in Shown.__struct_fields__
        ]
        self._ended = {
            outcome: counter("sse_client_streams_total", route, outcome, segment, network)
            for outcome in CLIENT_OUTCOMES
        }
        self._reconnect = _VectorSum(histogram(RECONNECT, route, network))
        self._recovery = _VectorSum(histogram(RECOVERY, route))
        self._delay = _VectorSum(histogram(DELAY, route))
        self._clear()

    def _clear(self) -> None:
        self.events = self.duplicates = self.lost = self.stalls = 0
        self.shown = [0] * len(self._shown)
        self.ended = dict.fromkeys(CLIENT_OUTCOMES, 0)

    def add(self, report: BeaconReport) -> None:
        """Add what a beacon report says."""
        self.events += report.events
        self.duplicates += report.duplicates
        self.lost += report.lost
        self.stalls += report.stalls
        if report.shown is not None:
            self.shown = list(map(add, self.shown, astuple(report.shown)))
        if report.sse_reconnect_time_seconds is not None:
            self._reconnect.add(report.sse_reconnect_time_seconds)
        if report.sse_stall_recovery_seconds is not None:
            self._recovery.add(report.sse_stall_recovery_seconds)
        if report.sse_event_delay_seconds is not None:
            self._delay.add(report.sse_event_delay_seconds)
        if report.outcome is not None:
            self.ended[report.outcome] += 1

    def write(self) -> None:
        """Move the series by what was added."""
        moves = [(series, getattr(self, field)) for field, series in self._counters]
        moves += zip(self._shown, self.shown, strict=True)
        moves += ((self._ended[outcome], n) for outcome, n in self.ended.items())
        for series, n in moves:
            if n:
                series.inc(n)
        for vector in (self._reconnect, self._recovery, self._delay):
            vector.write()
        self._clear()


class _VectorSum:
    """Observations for one histogram, added up bucket by bucket."""

    def __init__(self, series: Histogram) -> None:
        self._series = series
        self._counts: list[int] | None = None
        self._sum = 0.0

    def add(self, vector: Vector) -> None:
        counts = self._counts
        self._counts = vector.counts if counts is None else list(map(add, counts, vector.counts))
        self._sum += vector.sum

    def write(self) -> None:
        if self._counts is not None:
            self._series.add(self._counts, self._sum)
            self._counts, self._sum = None, 0.0
