"""
All open streams of one set of metrics: opened, looked at once a second, closed, written down.

Knows streams and metrics; why a stream ends is decided by its middleware. One lock guards all
counts, because several event loops of a process may share them.
"""

import atexit
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from math import inf
from time import monotonic
from typing import NamedTuple, Protocol

from sse_observe.asgi import Scope
from sse_observe.metrics import FAILURES, GOODPUT_LIMITS, OTHER
from sse_observe.middleware.causes import Causes
from sse_observe.middleware.companions import Companions
from sse_observe.middleware.cuts import count_cut
from sse_observe.middleware.end_log import LOGGER, QUIET_ENDS, EndLog
from sse_observe.middleware.event_counter import MessageBuffer
from sse_observe.middleware.exemplars import TRACER, Exemplars, current_trace
from sse_observe.middleware.inspection import Inspection
from sse_observe.middleware.judgement import judgement
from sse_observe.middleware.resume_loss import Cursors
from sse_observe.middleware.route_counts import DURATION_BOUNDS, RouteCounts
from sse_observe.middleware.route_watch import RouteWatch
from sse_observe.middleware.routes import Resolved
from sse_observe.middleware.scan import UNREADABLE
from sse_observe.middleware.spans import Spans
from sse_observe.middleware.stream import Stream
from sse_observe.middleware.tick import Tick
from sse_observe.middleware.unread import Orphans
from sse_observe.registry import SSEMetrics
from sse_observe.registry.flush import Flush

# 500 streams take an eighth of a millisecond.
_SLICE = 500
# Closing one takes as long as looking at so many.
_AN_END = 10
_ROUTES_PER_SLICE = 10
# `other` comes on top.
MOST_ROUTES = 50


class _Route(NamedTuple):
    counts: RouteCounts
    flush: Flush


class SocketReader(Protocol):
    """A reader of the kernel's side of the open streams."""

    def close(self, stream: Stream) -> None:
        """Read a last time; the caller holds the tracker's lock. Never raises."""

    def rounds(self) -> Iterator[None]:
        """Read the sockets whose turn it is, in slices."""


class StreamTracker:
    """
    The open streams of one SSEMetrics, and what is counted of them.

    Counters are as exact as the last flush: before a scrape in one process, by the tick and at
    shutdown with several. `clock` counts seconds from anywhere.
    """

    def __init__(self, metrics: SSEMetrics, clock: Callable[[], float] = monotonic) -> None:
        self.metrics = metrics
        self.clock = clock
        self.buffer = MessageBuffer(self.observer_error)
        self.lock = self.buffer.lock
        self.end_log = EndLog(clock)
        self.sockets: SocketReader | None = None
        """Reads the kernel's side of the streams, where somebody asked for it."""
        self.on_request: Callable[[str, Scope], None] | None = None
        """Hears of each request for a stream, answered or refused, and of its route."""
        self.held = 0
        """Scrapes under way: what they read must not change between their pieces."""
        self.spans = Spans(self.observer_error, partial(self.flush, last=True))
        self.causes = Causes(clock)
        self.companions = Companions([self.causes])
        self._cursors = Cursors()
        self._streams: dict[Stream, None] = {}
        self._orphans = Orphans(self.lock, clock, self.observer_error)
        self._routes: dict[str, _Route] = {}
        self._inspection = Inspection()
        self._route_watch = RouteWatch()
        self._tick = Tick(self, clock)
        self._errors_logged: set[str] = set()
        metrics.join()
        metrics.before_scrape.append(self.flush_unless_held)
        # The files of several processes have no place for exemplars.
        self._alone = metrics.directory is None
        if not self._alone:
            # What was counted since the last tick would die with a worker that stops in order.
            atexit.register(self.flush, last=True)

    @classmethod
    def of(cls, metrics: SSEMetrics, clock: Callable[[], float] = monotonic) -> "StreamTracker":
        """Return the one tracker of these metrics; the first caller chooses the clock."""
        return metrics.attach(cls, lambda: cls(metrics, clock))

    # Routes.

    def counts_of(self, route: Resolved) -> RouteCounts:
        """Return a route's counts; once there are too many routes, those of `other`."""
        known = self._routes.get(route.label)
        if known is None:
            with self.lock:
                known = self._routes.get(route.label) or self._add_route(route)
        return known.counts

    def _add_route(self, route: Resolved) -> _Route:
        if route.label != OTHER and len(self._routes) - (OTHER in self._routes) >= MOST_ROUTES:
            other = Resolved(OTHER, route.config)
            return self._routes.get(OTHER) or self._add_route(other)
        label, config, metrics = route.label, route.config, self.metrics
        metrics.zero(label, events=config.events)
        metrics.state("sse_route_info", 1, label, config.kind)
        if config.heartbeat_seconds is not None:
            metrics.state("sse_heartbeat_interval_seconds", config.heartbeat_seconds, label)
        if config.limit is not None:
            metrics.state("sse_stream_limit", config.limit, label)
        for limit, seconds in zip(GOODPUT_LIMITS, config.goodput_limits, strict=True):
            if seconds < inf:
                metrics.state("sse_goodput_limit_seconds", seconds, label, limit)
        counts = RouteCounts(label, config)
        added = self._routes[label] = _Route(counts, Flush(metrics, counts, label))
        return added

    def sends_streams(self, label: str) -> bool:
        """Tell whether a route is declared, or has sent a stream."""
        known = self._routes.get(label)
        return known is not None and known.counts.sends_streams

    def labels(self) -> list[str]:
        """Return the routes that are counted so far."""
        return list(self._routes)

    # Streams.

    def open(
        self,
        stream: Stream,
        route: Resolved,
        labels: tuple[str, str],
        resumed_from: bytes | None,
        spans: Spans | None = None,
    ) -> None:
        """
        Enter a stream whose response has started, with a span where somebody asked for `spans`.

        `resumed_from` is its client's cursor.
        """
        now = self.clock()
        counts = self.counts_of(route)
        trace = self._trace() if TRACER in sys.modules and self._alone else None
        with self.lock:
            stream.begin(counts, labels, now)
            stream.resumed = resumed_from is not None
            if counts.config.dense_ids:
                self.buffer.count_pending()
                self._cursors.watch(stream, resumed_from or b"")
            self.causes.opened(stream, resumed_from)
            self._streams[stream] = None
            start = "resumed" if stream.resumed else "fresh"
            counts.opened[start, labels[0], labels[1]] += 1
            counts.open += 1
            counts.sends_streams = True
            stream.live = stream.is_stream = True
            if trace is not None:
                self._exemplars_of(counts).opened(stream, trace)
        if spans is not None:
            spans.serve(stream)
        self.keeps_ticking(now)
        if (receipt := stream.overrides.receipt) is not None:
            receipt.begin(stream)
        if self.on_request is not None:
            self.on_request(counts.label, stream.scope)

    def may_wait(self) -> bool:
        """Tell whether a stream that has ended may be closed within the next second."""
        # A socket is read a last time while it is the stream's own.
        return self._tick.is_running and self.sockets is None

    def close(self, stream: Stream, reason: str, at: float | None = None) -> None:
        """
        Count the end of a stream, once; `at` is when it ended, if not now.

        A stream whose client left stays known as an orphan until `forget`.
        """
        with self.lock:
            if not stream.live:
                return
            self.buffer.count_pending()
            # First what must balance, then what describes.
            stream.live = False
            stream.reason = reason
            del self._streams[stream]
            counts = stream.counts
            counts.closed[reason, stream.labels[0], stream.labels[1]] += 1
            counts.open -= 1
            now = self.clock() if at is None else at
            age = now - stream.opened_at
            is_empty = reason == "completed" and not stream.has_content and self._is_empty(stream)
            counts.empty += is_empty
            counts.late -= stream.breach is not None
            word = judgement(stream, reason, now, is_empty=is_empty)
            if word is not None:
                counts.judged[word, stream.labels[0], stream.labels[1]] += 1
            durations = counts.durations
            durations.bins[bisect_left(DURATION_BOUNDS, age)] += 1
            durations.total += age
            cause = self.causes.closed(stream, reason, now, word)
            stream.update_totals(now)
            counts.silent -= stream.silent
            counts.stalled -= stream.stalled
            if reason == "client_disconnected":
                count_cut(stream, now)
            if counts.config.dense_ids:
                self._cursors.closed(stream)
            readable = stream.scan is not UNREADABLE
            stream.coro = stream.scan = stream.cursor = None
            if self.sockets is not None:
                self.sockets.close(stream)
            if counts.exemplars is not None:
                counts.exemplars.closed(stream, age)
        _end_receipt(stream, reason, readable=readable)
        if reason not in QUIET_ENDS:
            self.end_log.write(stream, age, stream.silence(now))
        if not self._tick.is_running:
            self.flush()
        if stream.span is not None:
            facts = {"sse.cause": cause, "sse.verdict": word}
            stream.span.end(stream, now, reason, facts, has_failed=reason in FAILURES)

    @staticmethod
    def _is_empty(stream: Stream) -> bool:
        """Tell whether a completed stream without content should have had some."""
        if stream.resumed or stream.scan is UNREADABLE or stream.counts.config.kind != "finite":
            return False
        # Who says that a stream is whole has answered; who only ends it may have had no news.
        reader = stream.reader or stream.counts.plain
        return stream.terminal or reader.protocol.demands_content(stream.scope)

    def orphan(self, stream: Stream) -> None:
        """Count a stream whose client is gone while its application still runs."""
        self._orphans.add(stream)

    def forget(self, stream: Stream) -> None:
        """Forget a stream whose application has returned."""
        self._orphans.forget(stream)

    def open_streams(self, owner: object) -> list[Stream]:
        """Return the open streams of one middleware."""
        with self.lock:
            return [stream for stream in self._streams if stream.owner is owner]

    def has_streams(self) -> bool:
        """Tell whether there is anything to look at each second."""
        with self.lock:
            return bool(self._streams or self._orphans) or self.companions.have_streams()

    # Exemplars.

    def _trace(self) -> str | None:
        try:
            return current_trace()
        except Exception:  # noqa: BLE001 - somebody's tracer must not cost the stream
            self.observer_error("middleware")
            return None

    def _exemplars_of(self, counts: RouteCounts) -> Exemplars:
        if counts.exemplars is None:
            names = "sse_time_to_first_event_seconds", "sse_stream_duration_seconds"
            counts.exemplars = Exemplars(*(self.metrics.histogram(n, counts.label) for n in names))
        return counts.exemplars

    # Writing down.

    def keeps_ticking(self, now: float) -> bool:
        """Begin to tick where nobody does, and tell whether somebody does now."""
        if now > self._tick.overdue_at:
            self._tick.start(now)
        return self._tick.is_running

    def counted(self) -> None:
        """See that what was just counted outside of any open stream is written down in time."""
        if not self.keeps_ticking(self.clock()):
            self.flush()

    def flush_unless_held(self) -> None:
        """Write everything down, unless somebody reads right now; never raises."""
        if not self.held:
            self.flush()

    def flush(self, *, last: bool = False) -> None:
        """Write everything down, what is pending too; `last`: nothing follows. Never raises."""
        try:
            with self.lock:
                self.metrics.serve()
                self.buffer.count_pending()
                if len(self._streams) <= _SLICE:
                    # More streams are added up by the tick: no scrape walks ten thousand.
                    now = self.clock()
                    for stream in self._streams:
                        stream.update_totals(now)
                self.companions.look(self.clock(), last=last)
                for route in list(self._routes.values()):
                    route.flush.write()
                self.companions.write()
        except Exception:  # noqa: BLE001 - a scrape must not fail for us
            self.observer_error("event_counter")

    def observer_error(self, where: str) -> None:
        """Count a failure of our own and log the first of its kind; never raises."""
        try:
            if where not in self._errors_logged:
                self._errors_logged.add(where)
                text = "sse-observe failed in %s; the stream goes on"
                LOGGER.error(text, where, exc_info=sys.exception())
            self.metrics.counter("sse_observer_faults_total", where).inc()
        except Exception:  # noqa: BLE001, S110 - there is nobody left to tell
            pass

    # Once a second.

    def tick(self) -> None:
        """Look at every open stream once, and write everything down; for loops without timers."""
        for _ in self.rounds():
            pass

    def rounds(self) -> Iterator[None]:
        """Do the tick's work in slices; no error in one stops the next."""
        passed = self._tick.passed()
        now = self.clock()
        self.buffer.count_pending()
        self.metrics.serve()
        streams, more = iter(list(self._streams)), True
        while more:
            with self.lock:
                more = self._look_at_some(streams, now, passed)
            yield
        self._orphans.look(now)
        if self.sockets is not None:
            yield from self.sockets.rounds()
        self._look_beside(now)
        routes = iter(list(self._routes.values()))
        while not self.held and (some_routes := list(islice(routes, _ROUTES_PER_SLICE))):
            try:
                with self.lock:
                    for route in () if self.held else some_routes:
                        route.flush.write()
            except Exception:  # noqa: BLE001 - the next tick tries again
                self.observer_error("tick")
            yield
        counts = [route.counts for route in list(self._routes.values())]
        self._route_watch.look(now, counts, MOST_ROUTES)

    def _look_at_some(self, streams: Iterator[Stream], now: float, passed: float) -> bool:
        """Look at one slice of the streams; tell whether there may be more."""
        left = _SLICE
        for stream in streams:
            left -= 1
            try:
                if stream.live and self._inspection.look(stream, now, passed):
                    left -= _AN_END
            except Exception:  # noqa: BLE001 - the next stream is still to be seen
                self.observer_error("tick")
            if left <= 0:
                return True
        return False

    def _look_beside(self, now: float) -> None:
        try:
            with self.lock:
                self.companions.look(now)
                if not self.held:
                    self.companions.write()
        except Exception:  # noqa: BLE001 - the next tick tries again
            self.observer_error("tick")

    def loop_lag(self, seconds: float) -> None:
        """Observe how late the event loop ran a timer."""
        self.metrics.histogram("sse_event_loop_lag_seconds").observe(seconds)


def _end_receipt(stream: Stream, reason: str, *, readable: bool) -> None:
    if (receipt := stream.overrides.receipt) is not None:
        receipt.end(reason, readable=readable)
