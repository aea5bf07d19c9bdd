"""The board that answers: who waits for an event that does not come?"""

from sse_observe.catalog.dashboards.colours import (
    MESSAGE_COLOURS,
    NETWORK_COLOURS,
    OBSERVER_COLOURS,
    QUANTILE_COLOURS,
)
from sse_observe.catalog.dashboards.panels import (
    NO_REPORTS,
    bargauge,
    depth,
    heatmap,
    lines,
    per_instance,
    stage,
    stat,
)
from sse_observe.catalog.dashboards.queries import (
    ALL,
    buckets_over_time,
    high_by,
    highest,
    in_range,
    instances,
    now,
    per_minute_by,
    quantile,
    quantiles,
    sum_by,
)
from sse_observe.catalog.dashboards.shared_panels import (
    alerts_firing,
    open_by_network,
    reconnect_by_network,
)
from sse_observe.catalog.model import Board, Query
from sse_observe.contract import SILENT_INTERVALS

_SILENT = f"{SILENT_INTERVALS} heartbeat intervals"
_CONTENT_GAPS = "route:sse_content_gap_seconds_bucket:rate5m"
TROUBLE = 'route:sse_ui_messages_shown:rate5m{message!~"connecting|live|complete"}'

_ANSWER = stage(
    "",
    stat(
        "Stalled",
        "ratio",
        "Share of open streams without a payload event for the stall limit, on the worst route. "
        "Heartbeats do not count: the connection works, the application sends nothing.",
        highest("route:sse_streams_stalled:ratio5m"),
        decimals=1,
    ),
    stat(
        "Silent",
        "ratio",
        f"Share of open streams without a single byte for {_SILENT}, on the worst route. "
        "Heartbeats are missing: proxies will cut these streams next.",
        highest("route:sse_streams_silent:ratio5m"),
        decimals=1,
        no_value="No heartbeat declared",
    ),
    stat(
        "Waiting now",
        "count",
        "Users whose stream sends nothing new: no payload (stalled), or no byte at all (silent). "
        "Compare with the active streams on Stream Health.",
        now(Query(expr="sum(route:sse_stalled_streams:sum)", legend="stalled")),
        now(Query(expr="sum(route:sse_silent_streams:sum)", legend="silent")),
        decimals=0,
    ),
    stat(
        "Recovery p95",
        "seconds",
        "Time from a stall that the browser saw to the next event. One in twenty users waits "
        "longer.",
        now(quantile(0.95, "route:sse_stall_recovery_seconds_bucket:rate5m", legend=ALL)),
        decimals=1,
        no_value="No stalls",
    ),
    stat(
        "UI messages shown",
        "short count",
        "Status messages that users saw in the time range: all of them, and those about trouble "
        "(waiting, reconnecting, offline, polling, failed).",
        in_range("route:sse_ui_messages_shown:rate5m", legend="all"),
        in_range(TROUBLE, legend="of trouble"),
        width=5,
        no_value=NO_REPORTS,
    ),
    alerts_firing(),
    lines(
        "Stall detections",
        "per minute",
        "Stalls per minute: no payload for the stall limit (server), no byte at all (client). Only "
        "the client sees them: the network or a proxy. Only the server: the application.",
        per_minute_by("seen_by", "route:sse_stall_detections:rate5m"),
        width=12,
        height=9,
        colours=OBSERVER_COLOURS,
    ),
    heatmap(
        "Recovery time distribution",
        "seconds",
        "Time from a stall that the browser saw to the next event. A band at one height is a "
        "timeout. If the dark area moves up, users wait longer.",
        *buckets_over_time("route:sse_stall_recovery_seconds_bucket:rate5m"),
        width=12,
        height=9,
    ),
)

_DELIVERING = stage(
    "Delivering",
    lines(
        "Stalled streams",
        "ratio",
        "Share of open streams without a payload for the stall limit, by route. Find what the "
        "application waits for: a model, a queue, a lock.",
        high_by("route", "route:sse_streams_stalled:ratio5m"),
        decimals=1,
    ),
    lines(
        "Silent streams",
        "ratio",
        f"Share of open streams without a byte for {_SILENT}, by route. The heartbeat task has "
        "stopped, or the event loop is blocked.",
        high_by("route", "route:sse_streams_silent:ratio5m"),
        decimals=1,
    ),
    lines(
        "Silence between writes",
        "seconds",
        "Time between two writes of a stream. It should be less than the heartbeat interval. Near "
        "30 s or 60 s a proxy cuts the stream.",
        *quantiles("route:sse_event_gap_seconds_bucket:rate5m"),
        colours=QUANTILE_COLOURS,
    ),
    lines(
        "Pace",
        "seconds",
        "Time from one piece of content to the next: how fast tokens come (p50), and the holes in "
        "it (p95). Heartbeats and comments do not count.",
        quantile(0.5, _CONTENT_GAPS, legend="p50"),
        quantile(0.95, _CONTENT_GAPS, legend="p95"),
        colours=QUANTILE_COLOURS,
    ),
    lines(
        "Heartbeats sent against expected",
        "events/s",
        "Heartbeats per second, and how many there were if every open stream were idle. Busy "
        "streams need few. Near zero, with silent streams above: heartbeats are not sent.",
        Query(
            expr='sum(route:sse_events_sent:rate5m{event="heartbeat"})',
            legend="sent",
            weight="bold",
        ),
        Query(
            expr="sum(route:sse_heartbeats_expected:rate)",
            legend="expected when idle",
            weight="thin",
        ),
        colours={"sent": "client", "expected when idle": "calm"},
    ),
    lines(
        "Event-loop lag",
        "seconds",
        "How late the event loop runs: on average on the worst process of a job, and the one late "
        "run in a hundred over all processes (p99). Above the dashed line some code blocks the "
        "loop, and every stream of that process waits.",
        high_by("job", "route:sse_event_loop_lag_seconds:mean5m"),
        quantile(0.99, "route:sse_event_loop_lag_seconds_bucket:rate5m", legend="p99"),
        colours={"p99": "p99"},
        no_value="No streams open",
    ),
)

_RECOVERING = stage(
    "Recovering",
    lines(
        "Time spent stalled",
        "ratio",
        "Share of open time that streams were stalled, by route. It shows a freeze while it lasts, "
        "when nothing ends and other counters stand still.",
        high_by("route", "route:sse_stream_seconds_stalled:ratio_rate5m"),
        decimals=1,
    ),
    lines(
        "Recovery time",
        "seconds",
        "Time from a stall that the browser saw to the next event. Above half a minute most users "
        "have reloaded the web page.",
        *quantiles("route:sse_stall_recovery_seconds_bucket:rate5m"),
        colours=QUANTILE_COLOURS,
    ),
    lines(
        "UI messages of trouble",
        "per minute",
        "Messages that users saw per minute when something is wrong. Orange: wait. Red: failed. "
        "Blue: reconnecting. Other messages are left out.",
        per_minute_by("message", TROUBLE),
        stacked=True,
        colours=MESSAGE_COLOURS,
    ),
)

_ENDING = stage(
    "Ending",
    bargauge(
        "Cuts by time limit, within 1h",
        "count",
        "Client disconnects at a well-known time limit, counted from the last write (an idle "
        "timeout) or from the opening (a total limit). The longest bar names the limit to raise.",
        Query(
            expr="topk(8, sum by (since, limit) (route:sse_cuts:increase1h) >= 1)",
            legend="{{limit}} s since {{since}}",
            instant=True,
        ),
        width=12,
        decimals=0,
        no_value="No cuts",
        colours={"": "client"},
    ),
    lines(
        "Share of cuts on one limit",
        "ratio",
        "Share of client disconnects at one time limit, over 1h, worst route. Users leave at any "
        "time, only a machine leaves at 60 s. Shares under 20 % are not shown.",
        Query(
            expr="max by (since, limit) (route:sse_cuts:share1h) > 0.2",
            legend="{{limit}} s since {{since}}",
        ),
        width=12,
        decimals=1,
        maximum=1,
    ),
)

_NETWORKS = depth(
    "By network type",
    open_by_network(
        "On which networks the open streams were started. If stalls follow one colour, it is that "
        "network."
    ),
    lines(
        "Streams failed within 1h by network",
        "count",
        "Streams that failed their user within an hour, by the network that they were opened on.",
        sum_by("network_type", "route_split:sse_streams_failed:increase1h"),
        colours=NETWORK_COLOURS,
    ),
    reconnect_by_network(
        "Time from a lost connection to the next open. A slow network alone is weather. All of "
        "them together are you.",
        no_value=NO_REPORTS,
    ),
)

_INSTANCES = per_instance(
    lines(
        "Stalled streams by instance",
        "count",
        "Open streams without a payload on each chosen instance. One instance alone: keep a thread "
        "dump, then restart it.",
        instances("sum by (instance) (sse_stalled_streams)"),
        decimals=0,
    ),
    lines(
        "Silent streams by instance",
        "count",
        "Open streams without a byte on each chosen instance. A blocked event loop stops the "
        "heartbeats of one instance. The others stay healthy.",
        instances("sum by (instance) (sse_silent_streams)"),
        decimals=0,
    ),
    lines(
        "Orphaned streams by instance",
        "count",
        "Streams whose client has left while the application still runs: work that nobody reads.",
        instances("sum by (instance) (sse_orphaned_streams)"),
        decimals=0,
    ),
)

STALL_DETECTION = Board(
    name="stall-detection",
    title="SSE / Stall Detection",
    question="Who waits for an event that does not come?",
    rows=(_ANSWER, _DELIVERING, _RECOVERING, _ENDING, _NETWORKS, _INSTANCES),
)
