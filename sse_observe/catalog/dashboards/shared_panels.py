"""Panels that more than one board shows."""

from sse_observe.catalog.dashboards.colours import NETWORK_COLOURS
from sse_observe.catalog.dashboards.marks import FIRING
from sse_observe.catalog.dashboards.panels import lines, stat
from sse_observe.catalog.dashboards.queries import mean, sum_by
from sse_observe.catalog.model import NO_STREAMS, Panel, Query, Step


def alerts_firing() -> Panel:
    """Show how many alerts fire."""
    return stat(
        "Alerts firing",
        "count",
        "Alerts of this bundle that fire for the selected jobs and routes. A red mark on every "
        "graph shows when one began. Open that alert's runbook first.",
        Query(expr=f"count({FIRING}) or vector(0)", instant=True),
        width=3,
        decimals=0,
        steps=(Step(1, "bad"),),
    )


def completion_by_network() -> Panel:
    """Show which network loses streams."""
    return lines(
        "Completion by network type",
        "percent",
        "Completion over 1h, worst segment and route, by the network that the stream was opened "
        "on. Not shown under 20 ended streams: fewer say nothing.",
        Query(
            expr="min by (network_type) (sse_stream_completion_rate)",
            legend="{{network_type}}",
        ),
        width=12,
        decimals=1,
        minimum=None,
        soft_minimum=98,
        maximum=100,
        colours=NETWORK_COLOURS,
    )


def open_by_network(description: str, width: int = 8) -> Panel:
    """Show the networks of the open streams; each board says what that means for it."""
    return lines(
        "Streams open by network",
        "count",
        description,
        sum_by("network_type", "route_split:sse_streams_open:sum"),
        decimals=0,
        stacked=True,
        colours=NETWORK_COLOURS,
        width=width,
    )


def reconnect_by_network(description: str, no_value: str = NO_STREAMS) -> Panel:
    """Show how long each network takes to reconnect; each board says what that means for it."""
    return lines(
        "Mean reconnect time by network",
        "seconds",
        description,
        mean(
            "route_split:sse_reconnect_time_seconds_sum:rate5m",
            "route_split:sse_reconnect_time_seconds_bucket:rate5m",
            by="network_type",
            legend="{{network_type}}",
        ),
        decimals=1,
        colours=NETWORK_COLOURS,
        no_value=no_value,
    )
