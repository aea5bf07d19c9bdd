"""
What browsers reported, added up in plain numbers and written down as metrics.

Written down before each scrape, and once a second for those that do not come by here: the locks
of prometheus_client would be half of all that a report costs. Labels come from tokens alone.
"""

import asyncio
import atexit
import os
from operator import add
from threading import Lock

from msgspec.structs import astuple

from sse_observe.beacon.report import DELAY, RECONNECT, RECOVERY, Report, Shown, Vector
from sse_observe.metrics import CLIENT_OUTCOMES, OTHER
from sse_observe.registry import SSEMetrics
from sse_observe.registry.multiprocess import MULTIPROC_DIR
from sse_observe.registry.sink import Histogram

_WRITE_SECONDS = 1.0
# Routes and segments are bounded where they are declared; this holds where a secret is shared.
_MOST_LABELS = 500


class Books:
    """The client's half of the metrics, its series kept at hand for each set of labels."""

    def __init__(self, metrics: SSEMetrics) -> None:
        self._metrics = metrics
        self._books: dict[tuple[str, str, str], Book] = {}
        self._touched: set[Book] = set()
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        metrics.before_scrape.append(self.write)
        if MULTIPROC_DIR in os.environ:
            # What came in the last second would die with a worker that stops in order.
            atexit.register(self.write)

    def open(self, route: str, user_segment: str, network_type: str) -> "Book":
        """Return where a stream's reports are counted; its series exist at 0 from now on."""
        labels = (route, user_segment, network_type)
        book = self._books.get(labels)
        if book is None:
            if len(self._books) >= _MOST_LABELS:
                labels = (OTHER, OTHER, "unknown")
            book = self._books.setdefault(labels, Book(self._metrics, *labels))
        return book

    def add(self, report: Report, book: "Book") -> None:
        """Count what a report says in one of our books."""
        with self._lock:
            book.add(report)
            self._touched.add(book)
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(_WRITE_SECONDS, self._write_now)

    def _write_now(self) -> None:
        self._loop = None
        self.write()

    def write(self) -> None:
        """Write down what was added since the last time."""
        with self._lock:
            for book in self._touched:
                book.write()
            self._touched.clear()


class Book:
    """The series of one (route, segment, network), and what they are still to be moved by."""

    def __init__(self, metrics: SSEMetrics, route: str, segment: str, network: str) -> None:
        metrics.zero(route, "client")
        metrics.zero_segment(route, segment, network, "client")
        counter = metrics.counter
        self._seen = [
            counter("sse_client_events_received_total", route, network).inc,
            counter("sse_duplicate_events_total", route, "client").inc,
            counter("sse_message_loss_total", route, "client").inc,
            counter("sse_stall_detections_total", route, "client").inc,
        ]
        self._shown = [
            counter("sse_ui_messages_shown_total", route, message).inc
            for message in Shown.__struct_fields__
        ]
        self._ended = {
            outcome: counter("sse_client_streams_total", route, outcome, segment, network).inc
            for outcome in CLIENT_OUTCOMES
        }
        self._reconnect = _Sum(metrics.histogram(RECONNECT, route, network))
        self._recovery = _Sum(metrics.histogram(RECOVERY, route))
        self._delay = _Sum(metrics.histogram(DELAY, route))
        self._clear()

    def _clear(self) -> None:
        self.events = self.duplicates = self.lost = self.stalls = 0
        self.shown = [0] * len(self._shown)
        self.ended = dict.fromkeys(CLIENT_OUTCOMES, 0)

    def add(self, report: Report) -> None:
        """Add what a report says."""
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
        for inc, count in zip(
            (*self._seen, *self._shown, *self._ended.values()),
            (
                *(self.events, self.duplicates, self.lost, self.stalls),
                *(*self.shown, *self.ended.values()),
            ),
            strict=True,
        ):
            if count:
                inc(count)
        for vector in (self._reconnect, self._recovery, self._delay):
            vector.write()
        self._clear()


class _Sum:
    """Observations for one histogram."""

    def __init__(self, child: Histogram) -> None:
        self._child = child
        self._counts: list[int] | None = None
        self._sum = 0.0

    def add(self, vector: Vector) -> None:
        counts = self._counts
        self._counts = vector.counts if counts is None else list(map(add, counts, vector.counts))
        self._sum += vector.sum

    def write(self) -> None:
        if self._counts is not None:
            self._child.add(self._counts, self._sum)
            self._counts, self._sum = None, 0.0
