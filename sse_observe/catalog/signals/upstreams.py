"""
Signals of consumed streams, by upstream, and of whose fault it was that served ones failed.

With `recordings` and `probes` the only expressions over raw metrics.
"""

from sse_observe.catalog.model import Signal
from sse_observe.catalog.signals.measures import (
    ALL_BOUNDS,
    FIVE_SECONDS,
    ROUTE,
    about,
    buckets,
    counter,
    number,
    observed,
    over_bound,
    rate,
    share,
    total,
)
from sse_observe.metrics import METRICS

UPSTREAM = ("job", "upstream")

_CLOSED = "route:sse_upstream_streams_closed:rate5m"
_FAILED = f'{_CLOSED}{{reason!~"completed|abandoned"}}'
_JUDGED = f'{_CLOSED}{{reason!="abandoned"}}'
_FIRST = "route:sse_upstream_first_content_seconds_bucket:rate5m"


def _over_ten_minutes(series: str) -> str:
    return f"sum by (<< by >>) (sum_over_time({series}[<< w('10m') >>]))"


CAUSES = about(
    "causes",
    (
        rate(
            "route:sse_streams_failed_by:rate5m",
            "sum by (<< by >>) (rate(sse_streams_failed_total[<< rate('5m') >>]))",
            f"{METRICS['sse_streams_failed_total'].help} Per second.",
            (*ROUTE, "cause"),
        ),
    ),
)
"""Whose fault it was."""

UPSTREAMS = about(
    "upstreams",
    (
        counter("sse_upstream_streams_closed_total"),
        buckets("sse_upstream_first_content_seconds"),
        buckets("sse_upstream_content_gap_seconds"),
        Signal(
            record="route:sse_upstream_unread_seconds:rate5m",
            expr="sum by (<< by >>) (rate(sse_upstream_unread_seconds_total[<< rate('5m') >>]))",
            unit="count",
            help="Streams that were consumed for nobody, on average over five minutes.",
            labels=UPSTREAM,
            per_second=True,
            interval="slow",
        ),
        share(
            "route:sse_upstream_failed:ratio_rate10m",
            f"{_over_ten_minutes(_FAILED)} / ({_over_ten_minutes(_JUDGED)} > 0)",
            "Share of an upstream's streams that failed, or were asked for in vain, over 10m, "
            "without those that the application gave up.",
            *UPSTREAM,
        ),
        number(
            "route:sse_upstream_failed:increase10m",
            total(_FAILED, "10m", merged=True),
            "Number of an upstream's streams that failed, or were asked for in vain, within 10m.",
            *UPSTREAM,
        ),
        *over_bound(
            "sse_upstream_slow",
            _FIRST,
            FIVE_SECONDS,
            "10m",
            "an upstream's streams of which the first content took over 5 s",
            *UPSTREAM,
        ),
        share(
            "route:sse_upstream_slow_before:ratio_rate1d",
            f"1 - {observed(_FIRST, FIVE_SECONDS, '1d', '10m')}"
            f" / ({observed(_FIRST, ALL_BOUNDS, '1d', '10m')} > 0)",
            "Share of an upstream's streams of which the first content took over 5 s, over the day "
            "that ended 10m ago.",
            *UPSTREAM,
        ),
        share(
            "route:sse_upstream_slower:ratio_rate10m",
            # A model that always thinks for a minute is not ill.
            "route:sse_upstream_slow:ratio_rate10m - route:sse_upstream_slow_before:ratio_rate1d",
            "By how much the share of an upstream's slow first contents is above the day before.",
            *UPSTREAM,
        ),
    ),
)
"""Each after those that it reads."""
