"""The row of Stream Health on what an application consumes, and on whose fault failures are."""

from sse_observe.catalog.dashboards.colours import CAUSE_COLOURS, UPSTREAM_COLOURS
from sse_observe.catalog.dashboards.panels import depth, lines
from sse_observe.catalog.dashboards.queries import high_by, per_minute_by, quantile, sum_by

_NO_UPSTREAM = "No observed client"

UPSTREAMS = depth(
    "Upstreams: whose fault it is",
    lines(
        "Failed streams by cause",
        "per minute",
        "Streams that did not reach their end, per minute, by whose fault it was. `unknown`: "
        "nothing proves it: a client that left for good, or an upstream that nobody observes.",
        per_minute_by("cause", "route:sse_streams_failed_by:rate5m"),
        width=12,
        stacked=True,
        colours=CAUSE_COLOURS,
    ),
    lines(
        "Consumed streams by their end",
        "per minute",
        "Streams that the application consumes, per minute, by how they ended. `abandoned` ones it "
        "gave up itself; `refused_…` and `unreachable` ones never began.",
        per_minute_by("reason", "route:sse_upstream_streams_closed:rate5m"),
        width=12,
        stacked=True,
        colours=UPSTREAM_COLOURS,
        no_value=_NO_UPSTREAM,
    ),
    lines(
        "Upstreams that fail",
        "ratio",
        "Share of an upstream's streams that failed, or were asked for in vain. Above the dashed "
        "line your users lose answers: change to another provider, region or model.",
        high_by("upstream", "route:sse_upstream_failed:ratio_rate10m"),
        width=6,
        decimals=1,
        maximum=1,
        no_value=_NO_UPSTREAM,
    ),
    lines(
        "Upstreams that are slow",
        "ratio",
        "Share of an upstream's streams of which the first content took over 5 s. The alert fires "
        "where it is far above the day before.",
        high_by("upstream", "route:sse_upstream_slow:ratio_rate10m"),
        width=6,
        decimals=1,
        maximum=1,
        no_value=_NO_UPSTREAM,
    ),
    lines(
        "Gap between contents of upstreams, p95",
        "seconds",
        "One in twenty pieces of an upstream's content comes later after the last than this. It "
        "rises alone: the model became slow in the middle of its answers.",
        quantile(
            0.95,
            "route:sse_upstream_content_gap_seconds_bucket:rate5m",
            by=("upstream",),
            legend="{{upstream}}",
        ),
        width=6,
        no_value=_NO_UPSTREAM,
    ),
    lines(
        "Consumed for nobody",
        "count",
        "Streams that were consumed after the client had left for whom they were read, on average. "
        "Their tokens are paid for: close them when the client leaves.",
        sum_by("upstream", "route:sse_upstream_unread_seconds:rate5m"),
        width=6,
        decimals=1,
        no_value=_NO_UPSTREAM,
    ),
)
