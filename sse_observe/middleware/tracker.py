"""
All open streams of one set of metrics: opened, looked at once a second, closed, written down.

Knows streams and metrics; why a stream ends is decided by its middleware. One lock guards the
books, because several event loops of a process may share them.
"""

import asyncio
import atexit
import logging
import os
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextvars import Context
from itertools import islice
from time import monotonic
from typing import Any

from sse_observe.metrics import CUT_LIMITS, OTHER
from sse_observe.middleware.event_counter import MessageBuffer
from sse_observe.middleware.exemplars import TRACER, Exemplars, current_trace
from sse_observe.middleware.flush import Flush
from sse_observe.middleware.resume_loss import Cursors
from sse_observe.middleware.routes import Resolved
from sse_observe.middleware.stream import DURATION_BOUNDS, RouteCounts, Stream
from sse_observe.registry import SSEMetrics

LOGGER = logging.getLogger("sse_observe")

TICK_SECONDS = 1.0
# A loop that has not ticked for so long is blocked, or is run no more.
_OVERDUE = 5.0
# 500 streams take an eighth of a millisecond: other callbacks of the loop run in between.
_SLICE = 500
_ROUTES_PER_SLICE = 10
# `other` comes on top.
MOST_ROUTES = 50
# An application that ends badly does so thousands of times; ten lines a second tell as much.
_LOG_LINES_PER_SECOND = 10
# Where cuts at each well-known limit gather: windows this narrow hold few natural ends, and a
# proxy's cut comes at its limit or, by its timer's grain and the network's delay, a little later.
_CUTS_BETWEEN = (
    *((9.5, 11), (14.5, 16), (28.5, 32), (54.5, 57), (59, 62), (74, 77), (89, 92), (99, 103)),
    *((119, 123), (175, 185), (295, 306), (345, 356), (590, 612), (895, 915)),
    *((1780, 1830), (3580, 3660)),
)
_LIMITS = tuple(zip(_CUTS_BETWEEN, CUT_LIMITS[:-1], strict=True))
_QUIET_ENDS = frozenset({"completed", "already_complete", "polled"})


class StreamTracker:
    """
    The books of one SSEMetrics.

    Counters are as exact as the last flush: before a scrape in one process, by the tick and at
    shutdown with several. `clock` counts seconds from anywhere.
    """

    def __init__(self, metrics: SSEMetrics, clock: Callable[[], float] = monotonic) -> None:
        self.metrics = metrics
        self.clock = clock
        self.buffer = MessageBuffer(self.fault)
        self.lock = self.buffer.lock
        self.cursors = Cursors()
        self.log_ends = True
        self.held = 0
        """Scrapes under way: what they read must not change between their pieces."""
        self.sockets: Any = None
        """What reads the kernel's side of the streams, where somebody asked for it."""
        self._streams: dict[Stream, None] = {}
        self._orphans: set[Stream] = set()
        self._books: dict[str, tuple[RouteCounts, Flush]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticked_at = clock()
        self._errors_logged: set[str] = set()
        self._lines = [0, 0.0, 0]
        metrics.before_scrape.append(self.flush_unless_held)
        # The files of many processes have no room for exemplars.
        self._alone = "PROMETHEUS_MULTIPROC_DIR" not in os.environ
        if not self._alone:
            # What was counted since the last tick would die with a worker that stops in order.
            atexit.register(self.flush)

    @classmethod
    def of(cls, metrics: SSEMetrics, clock: Callable[[], float] = monotonic) -> "StreamTracker":
        """Return the one tracker of these metrics; the first caller chooses the clock."""
        return metrics.attach(cls, lambda: cls(metrics, clock))

    def counts_of(self, route: Resolved) -> RouteCounts:
        """Return a route's counts; once there are too many routes, that of `other`."""
        book = self._books.get(route.label)
        if book is None:
            with self.lock:
                book = self._books.get(route.label)
                if book is None:
                    known = len(self._books) - (OTHER in self._books)
                    if route.label != OTHER and known >= MOST_ROUTES:
                        return self.counts_of(Resolved(OTHER, route.config))
                    counts = RouteCounts(route.label, route.config)
                    book = self._books[route.label] = (counts, Flush(self.metrics, counts))
        return book[0]

    def open(
        self, stream: Stream, route: Resolved, labels: tuple[str, str], resumed_from: bytes | None
    ) -> None:
        """Enter a stream whose response has started; `resumed_from` is its client's cursor."""
        now = self.clock()
        counts = self.counts_of(route)
        trace = self._trace() if TRACER in sys.modules and self._alone else None
        with self.lock:
            stream.begin(counts, labels, now)
            stream.resumed = resumed_from is not None
            if counts.config.dense_ids:
                self.buffer.count_pending()
                self.cursors.watch(stream, resumed_from or b"")
            key = ("resumed" if stream.resumed else "fresh", labels)
            self._streams[stream] = None
            counts.opened[key] = counts.opened.get(key, 0) + 1
            counts.open += 1
            stream.live = stream.is_stream = True
            if trace is not None:
                self._follow(stream, trace)
        if self._loop is None or now - self._ticked_at > _OVERDUE:
            self._keep_ticking()

    def close(self, stream: Stream, reason: str, at: float | None = None) -> None:
        """
        Close the books on a stream, once; `at` is when it ended, if not now.

        A stream whose client left stays known as an orphan until `forget`.
        """
        with self.lock:
            if not stream.live:
                return
            if self.buffer.pending:
                self.buffer.count_pending()
            # First what must balance, then what describes.
            stream.live = False
            stream.reason = reason
            del self._streams[stream]
            counts = stream.counts
            key = (reason, stream.labels)
            counts.closed[key] = counts.closed.get(key, 0) + 1
            counts.open -= 1
            now = self.clock() if at is None else at
            age = now - stream.opened_at
            counts.durations[bisect_left(DURATION_BOUNDS, age)] += 1
            counts.durations_sum += age
            stream.update_totals(now)
            counts.silent -= stream.silent
            counts.stalled -= stream.stalled
            if reason == "client_disconnected":
                self._cut(counts, age, now - max(stream.written_at, stream.opened_at))
            if counts.config.dense_ids:
                self.cursors.closed(stream)
            stream.coro = stream.scan = stream.cursor = None
            if self.sockets is not None:
                self.sockets.close(stream)
            if counts.exemplars is not None:
                counts.exemplars.closed(stream, age)
        if reason not in _QUIET_ENDS and self.log_ends:
            self._log_end(stream, age, now - max(stream.written_at, stream.opened_at))
        if self._loop is None:
            self.flush()

    def _trace(self) -> str | None:
        try:
            return current_trace()
        except Exception:  # noqa: BLE001 - somebody's tracer must not cost the stream
            self.fault("middleware")
            return None

    def _follow(self, stream: Stream, trace: str) -> None:
        counts = stream.counts
        if counts.exemplars is None:
            names = "sse_time_to_first_event_seconds", "sse_stream_duration_seconds"
            counts.exemplars = Exemplars(
                *(self.metrics.histogram(n).labels(counts.label) for n in names)
            )
        counts.exemplars.opened(stream, trace)

    @staticmethod
    def _cut(counts: RouteCounts, age: float, silence: float) -> None:
        for since, seconds in (("open", age), ("write", silence)):
            key = (since, limit_of(seconds))
            counts.cuts[key] = counts.cuts.get(key, 0) + 1

    def orphan(self, stream: Stream) -> None:
        """Note that a stream's client is gone while the application still runs."""
        with self.lock:
            if stream not in self._orphans:
                self._orphans.add(stream)
                stream.counts.orphaned += 1

    def forget(self, stream: Stream) -> None:
        """Note that the application has returned."""
        if stream in self._orphans:
            with self.lock:
                self._orphans.remove(stream)
                stream.counts.orphaned -= 1

    def labels(self) -> list[str]:
        """Return the routes that are counted so far."""
        return list(self._books)

    def open_streams(self, owner: object) -> list[Stream]:
        """Return the open streams of one middleware."""
        with self.lock:
            return [stream for stream in self._streams if stream.owner is owner]

    def flush_unless_held(self) -> None:
        """Write everything down, unless somebody reads right now; never raises."""
        if not self.held:
            self.flush()

    def flush(self) -> None:
        """Count what was noted and write everything down; never raises."""
        try:
            with self.lock:
                self.metrics.state_facts()
                self.buffer.count_pending()
                if len(self._streams) <= _SLICE:
                    # More streams are added up by the tick: no scrape walks ten thousand.
                    now = self.clock()
                    for stream in self._streams:
                        stream.update_totals(now)
                for _, flush in list(self._books.values()):
                    flush.write()
                if self.sockets is not None:
                    self.sockets.write()
        except Exception:  # noqa: BLE001 - a scrape must not fail for us
            self.fault("event_counter")

    def fault(self, where: str) -> None:
        """Count a failure of our own and log the first of its kind; never raises."""
        try:
            self.metrics.counter("sse_observer_faults_total").labels(where=where).inc()
            if where not in self._errors_logged:
                self._errors_logged.add(where)
                text = "sse-observe failed in %s; the stream goes on"
                LOGGER.error(text, where, exc_info=sys.exception())
        except Exception:  # noqa: BLE001, S110 - there is nobody left to tell
            pass

    def tick(self) -> None:
        """Look at every open stream once, and write everything down; for loops without timers."""
        for _ in self._rounds():
            pass

    def _keep_ticking(self) -> None:
        """Let this loop tick for all of us, unless it does already."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # No asyncio here (trio): closing a stream flushes instead.
            return
        if self._loop is not loop:
            self._loop = loop
            self._ticked_at = self.clock()
            self._tick_later(loop)

    def _tick_later(self, loop: asyncio.AbstractEventLoop) -> None:
        # An empty context: a timer must not keep a request alive.
        loop.call_later(TICK_SECONDS, self._go_on, loop, None, context=Context())

    def _go_on(self, loop: asyncio.AbstractEventLoop, rounds: Iterator[None] | None) -> None:
        """Do one slice of a tick, then let the loop run."""
        if self._loop is not loop:
            return
        try:
            rounds = rounds or self._rounds()
            if next(rounds, self) is None:
                loop.call_soon(self._go_on, loop, rounds, context=Context())
                return
        except Exception:  # noqa: BLE001 - the next tick tries again
            self.fault("tick")
        with self.lock:
            if not self._streams and not self._orphans:
                self._loop = None
                return
        try:
            self._tick_later(loop)
        except Exception:  # noqa: BLE001 - the next stream starts it again
            self.fault("tick")
            self._loop = None

    def _rounds(self) -> Iterator[None]:
        """Do the tick's work in slices; no fault in one stops the next."""
        now = self.clock()
        passed, self._ticked_at = now - self._ticked_at, now
        self.buffer.count_pending()
        self.metrics.state_facts()
        streams = iter(list(self._streams))
        while some := list(islice(streams, _SLICE)):
            with self.lock:
                for stream in some:
                    try:
                        if stream.live:
                            self._look(stream, now, passed)
                    except Exception:  # noqa: BLE001 - the next stream is still to be seen
                        self.fault("tick")
            yield
        if self.sockets is not None:
            yield from self.sockets.rounds()
        books = iter(list(self._books.values()))
        while not self.held and (written := list(islice(books, _ROUTES_PER_SLICE))):
            try:
                with self.lock:
                    for _, flush in () if self.held else written:
                        flush.write()
            except Exception:  # noqa: BLE001 - the next tick tries again
                self.fault("tick")
            yield

    def _look(self, stream: Stream, now: float, passed: float) -> None:
        """See what only time shows: silence, a stall, a blocked send, a background task."""
        if stream.accepted_at is not None and now - stream.accepted_at >= TICK_SECONDS:
            # All was delivered a while ago; what still runs is a task in the background.
            stream.owner.accepted(stream)
            return
        stream.update_totals(now)
        counts = stream.counts
        interval = counts.config.heartbeat_seconds
        if interval is not None:
            silent = now - max(stream.written_at, stream.opened_at) > 2.5 * interval
            counts.silent += silent - stream.silent
            stream.silent = silent
        if stream.coro is not None:
            if getattr(stream.coro, "cr_frame", None) is None:
                stream.coro = None
            elif stream.coro.cr_suspended:
                counts.blocked_seconds += passed

    def _log_end(self, stream: Stream, age: float, silence: float) -> None:
        ours = stream.reason in ("server_error", "slow_consumer")
        level = logging.WARNING if ours else logging.INFO
        if not LOGGER.isEnabledFor(level):
            return
        now = self.clock()
        if now - self._lines[1] >= 1:
            self._lines[:2] = [0, now]
        if self._lines[0] >= _LOG_LINES_PER_SECOND:
            self._lines[2] += 1
            return
        suppressed, self._lines[2] = self._lines[2], 0
        self._lines[0] += 1
        fields = {
            "route": stream.counts.label,
            "reason": stream.reason,
            "age": round(age, 3),
            "silence": round(silence, 3),
            "events": stream.events,
            "bytes": stream.bytes,
            "suppressed": suppressed,
        }
        text = " ".join(f"{name}={value}" for name, value in fields.items())
        LOGGER.log(level, "stream ended %s", text, extra={"sse": fields})


def limit_of(seconds: float) -> str:
    """Return the well-known limit that a time sits at, or `other`."""
    for (low, high), limit in _LIMITS:
        if low <= seconds <= high:
            return limit
    return OTHER
