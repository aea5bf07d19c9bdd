"""
One report of a browser: its form, what may stand in it, and how it becomes metrics.

Trusts no number: each is bounded, and those that contradict each other are refused whole. Labels
come from the grant and from the names in this file, never from the report.
"""

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec

from sse_observe.metrics import METRICS, OTHER, UI_MESSAGES, SSEMetrics
from sse_observe.tokens import Grant

# A report covers a minute, or what was kept while offline; a page does not receive more.
_MOST = 1_000_000
_DAY = 86_400.0
# Routes and segments are bounded where they are declared; this holds where a secret is shared.
_MOST_LABELS = 500

Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]
_RECONNECT = "sse_reconnect_time_seconds"
_RECOVERY = "sse_stall_recovery_seconds"
_DELAY = "sse_event_delay_seconds"


class _Strict(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Vector(_Strict):
    """Observations counted by bucket, the last one without a bound, and their sum."""

    counts: Annotated[list[Count], msgspec.Meta(min_length=1, max_length=20)]
    sum: Annotated[float, msgspec.Meta(ge=0)]

    def fits(self, bounds: tuple[float, ...]) -> bool:
        """Tell whether the sum can be that of such observations."""
        if len(self.counts) != len(bounds) + 1:
            return False
        total = sum(self.counts)
        if not 0 < total <= _MOST:
            return False
        # Rounding: a client keeps microseconds.
        slack = 1e-3 * total
        least = sum(n * low for n, low in zip(self.counts, (0.0, *bounds), strict=True))
        most = sum(n * high for n, high in zip(self.counts, (*bounds, _DAY), strict=True))
        return least - slack <= self.sum <= most + slack


class Shown(_Strict):
    """How often each status was shown."""

    connecting: Count = 0
    live: Count = 0
    waiting: Count = 0
    reconnecting: Count = 0
    offline: Count = 0
    polling: Count = 0
    complete: Count = 0
    failed: Count = 0


class Report(_Strict):
    """What one page saw of one stream since its last report."""

    token: Annotated[str, msgspec.Meta(max_length=1024)]
    n: Annotated[int, msgspec.Meta(ge=1, le=_MOST)]
    events: Count = 0
    duplicates: Count = 0
    lost: Count = 0
    stalls: Count = 0
    shown: Shown | None = None
    sse_reconnect_time_seconds: Vector | None = None
    sse_stall_recovery_seconds: Vector | None = None
    sse_event_delay_seconds: Vector | None = None
    outcome: Literal["completed", "cancelled", "failed"] | None = None

    def vectors(self) -> list[tuple[str, Vector]]:
        """Return the histograms that were sent."""
        every = (
            (_RECONNECT, self.sse_reconnect_time_seconds),
            (_RECOVERY, self.sse_stall_recovery_seconds),
            (_DELAY, self.sse_event_delay_seconds),
        )
        return [(name, vector) for name, vector in every if vector is not None]

    def is_consistent(self) -> bool:
        """Tell whether the numbers can be true together."""
        if self.duplicates > self.events:
            return False
        return all(vector.fits(METRICS[name].buckets) for name, vector in self.vectors())


decode: Callable[[bytes | bytearray], Report] = msgspec.json.Decoder(Report).decode


class Books:
    """The client's half of the metrics, its children kept at hand for each set of labels."""

    def __init__(self, metrics: SSEMetrics) -> None:
        self._metrics = metrics
        self._pages: dict[tuple[str, str, str], Page] = {}

    def open(self, route: str, user_segment: str, network_type: str) -> "Page":
        """Return where a stream's reports are counted; its series exist at 0 from now on."""
        labels = (route, user_segment, network_type)
        page = self._pages.get(labels)
        if page is None:
            if len(self._pages) >= _MOST_LABELS:
                labels = (OTHER, OTHER, "unknown")
            page = self._pages.setdefault(labels, Page(self._metrics, *labels))
        return page

    def add(self, report: Report, grant: Grant) -> None:
        """Count what a report says, under the labels of its grant."""
        self.open(grant.route, grant.user_segment, grant.network_type).add(report)


class Page:
    """The children of one (route, segment, network), all of them at 0 from the start."""

    def __init__(self, metrics: SSEMetrics, route: str, segment: str, network: str) -> None:
        metrics.zero(route, "client")
        metrics.zero_segment(route, segment, network, "client")
        counter = metrics.counter
        self._events = counter("sse_client_events_received_total").labels(route, network)
        self._seen = [
            (name, counter(metric).labels(route, "client"))
            for name, metric in (
                ("duplicates", "sse_duplicate_events_total"),
                ("lost", "sse_message_loss_total"),
                ("stalls", "sse_stall_detections_total"),
            )
        ]
        shown = counter("sse_ui_messages_shown_total")
        self._shown = [(message, shown.labels(route, message)) for message in UI_MESSAGES]
        streams = counter("sse_client_streams_total")
        self._streams = {
            outcome: streams.labels(route, outcome, segment, network)
            for outcome in METRICS["sse_client_streams_total"].labels["outcome"]
        }
        self._vectors = {
            _RECONNECT: metrics.histogram(_RECONNECT).labels(route, network),
            _RECOVERY: metrics.histogram(_RECOVERY).labels(route),
            _DELAY: metrics.histogram(_DELAY).labels(route),
        }

    def add(self, report: Report) -> None:
        """Count what one report says."""
        if report.events:
            self._events.inc(report.events)
        for name, child in self._seen:
            if count := getattr(report, name):
                child.inc(count)
        if report.shown is not None:
            for message, child in self._shown:
                if count := getattr(report.shown, message):
                    child.inc(count)
        for name, vector in report.vectors():
            self._vectors[name].add(vector.counts, vector.sum)
        if report.outcome is not None:
            self._streams[report.outcome].inc()
