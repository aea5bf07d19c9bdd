"""
One report of a browser: its form, what may stand in it, and how it becomes metrics.

Trusts no number: each is bounded, and those that contradict each other are refused whole. Labels
come from the grant and from the names in this file, never from the report.
"""

from collections.abc import Callable
from operator import attrgetter, mul
from typing import Annotated, Literal

import msgspec
from msgspec.structs import astuple

from sse_observe.metrics import METRICS, OTHER
from sse_observe.registry import SSEMetrics
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
_ENDS = {
    name: ((0.0, *METRICS[name].buckets), (*METRICS[name].buckets, _DAY))
    for name in (_RECONNECT, _RECOVERY, _DELAY)
}


class _Strict(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Vector(_Strict):
    """Observations counted by bucket, the last one without a bound, and their sum."""

    counts: Annotated[list[Count], msgspec.Meta(min_length=1, max_length=20)]
    sum: Annotated[float, msgspec.Meta(ge=0)]

    def fits(self, least: tuple[float, ...], most: tuple[float, ...]) -> bool:
        """Tell whether the sum can be that of such observations, given each bucket's ends."""
        counts = self.counts
        if len(counts) != len(least):
            return False
        total = sum(counts)
        if not 0 < total <= _MOST:
            return False
        # Rounding: a client keeps microseconds.
        slack = 1e-3 * total
        low: float = sum(map(mul, counts, least))
        high: float = sum(map(mul, counts, most))
        return low - slack <= self.sum <= high + slack


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

    def is_consistent(self) -> bool:
        """Tell whether the numbers can be true together."""
        reconnect, recovery, delay = (
            self.sse_reconnect_time_seconds,
            self.sse_stall_recovery_seconds,
            self.sse_event_delay_seconds,
        )
        return (
            self.duplicates <= self.events
            and (reconnect is None or reconnect.fits(*_ENDS[_RECONNECT]))
            and (recovery is None or recovery.fits(*_ENDS[_RECOVERY]))
            and (delay is None or delay.fits(*_ENDS[_DELAY]))
        )


_counts = attrgetter("events", "duplicates", "lost", "stalls")
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
        self._incs = [
            counter("sse_client_events_received_total").labels(route, network).inc,
            counter("sse_duplicate_events_total").labels(route, "client").inc,
            counter("sse_message_loss_total").labels(route, "client").inc,
            counter("sse_stall_detections_total").labels(route, "client").inc,
        ]
        shown = counter("sse_ui_messages_shown_total")
        self._shown = [shown.labels(route, message).inc for message in Shown.__struct_fields__]
        streams = counter("sse_client_streams_total")
        self._streams = {
            outcome: streams.labels(route, outcome, segment, network)
            for outcome in METRICS["sse_client_streams_total"].labels["outcome"]
        }
        self._reconnect = metrics.histogram(_RECONNECT).labels(route, network)
        self._recovery = metrics.histogram(_RECOVERY).labels(route)
        self._delay = metrics.histogram(_DELAY).labels(route)

    def add(self, report: Report) -> None:
        """Count what one report says."""
        for inc, count in zip(self._incs, _counts(report), strict=True):
            if count:
                inc(count)
        if report.shown is not None:
            for inc, count in zip(self._shown, astuple(report.shown), strict=True):
                if count:
                    inc(count)
        if (vector := report.sse_reconnect_time_seconds) is not None:
            self._reconnect.add(vector.counts, vector.sum)
        if (vector := report.sse_stall_recovery_seconds) is not None:
            self._recovery.add(vector.counts, vector.sum)
        if (vector := report.sse_event_delay_seconds) is not None:
            self._delay.add(vector.counts, vector.sum)
        if report.outcome is not None:
            self._streams[report.outcome].inc()
