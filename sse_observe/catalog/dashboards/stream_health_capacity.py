"""The collapsed row of Stream Health that tells what is nearly full, leaks, or works for nobody."""

from sse_observe.catalog.dashboards.panels import depth, lines
from sse_observe.catalog.dashboards.queries import high_by, most_by

CAPACITY = depth(
    "Capacity: limits, leaks, bytes",
    lines(
        "Saturation of the fullest process",
        "ratio",
        "Open streams against the route's limit, on the fullest process. At 100 % new users are "
        "refused: add processes, or raise the limit.",
        high_by("route", "route:sse_stream_saturation:ratio"),
        width=6,
        decimals=1,
        no_value="No route declares a limit",
    ),
    lines(
        "Streams leaked",
        "count",
        "Streams that nobody reads any more: their client has left or has stopped reporting, or "
        "arrivals and mean life do not explain them. They keep memory and descriptors.",
        high_by("route", "route:sse_streams_leaked:max"),
        width=6,
        decimals=0,
    ),
    lines(
        "Work nobody reads",
        "ratio",
        "Share of the time of all streams that applications went on after their client had left: "
        "tokens, queries and memory that nobody gets anything for.",
        high_by("route", "route:sse_unread:ratio_rate10m"),
        width=6,
        decimals=1,
    ),
    lines(
        "Bytes sent",
        "bytes/s",
        "Body bytes per second. If bytes rise faster than events, events become larger: see "
        "Network Quality.",
        most_by("route", "route:sse_sent_bytes:rate5m"),
        width=6,
    ),
)
