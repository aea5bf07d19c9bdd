"""The board that answers: is the way between server and users in order?"""

from sse_observe.catalog.dashboards.colours import NETWORK_COLOURS, QUANTILE_COLOURS, RESUME_COLOURS
from sse_observe.catalog.dashboards.panels import (
    NO_REPORTS,
    NO_RESUMES,
    NO_TCP,
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
    each,
    high_by,
    highest,
    instances,
    most_by,
    now,
    quantile,
    quantiles,
    sum_by,
)
from sse_observe.catalog.dashboards.shared_panels import (
    alerts_firing,
    completion_by_network,
    open_by_network,
    reconnect_by_network,
)
from sse_observe.catalog.model import Board, Query

PAYLOAD = 'route:sse_events_sent:rate5m{event!~"heartbeat|comment"}'

_ANSWER = stage(
    "",
    stat(
        "Packet loss",
        "ratio",
        "Share of TCP segments that were sent again, on the worst network. Behind a proxy this is "
        "the way to the proxy, not to the user.",
        Query(
            expr="topk(1, max by (network_type) (route_split:sse_packet_loss:ratio_rate10m))",
            legend="{{network_type}}",
            instant=True,
        ),
        decimals=2,
        no_value=NO_TCP,
    ),
    stat(
        "Delivery delay p95",
        "seconds",
        "How much later an event arrives than the fastest one of its connection. One in twenty "
        "events is later than this. Seconds mean that something on the way collects events.",
        now(quantile(0.95, "route:sse_event_delay_seconds_bucket:rate5m", legend=ALL)),
        no_value=NO_REPORTS,
    ),
    stat(
        "Round trip p95",
        "seconds",
        "Round-trip time on the next TCP hop. Behind a proxy that hop is the proxy. If it rises, "
        "it is the network, not the application.",
        now(quantile(0.95, "route:sse_tcp_rtt_seconds_bucket:rate5m", legend=ALL)),
        no_value=NO_TCP,
    ),
    stat(
        "Reconnects over 5 s",
        "ratio",
        "Share of reconnects that took over 5 s, on the worst route. Above 5 % means that p95 is "
        "over 5 s.",
        highest("route:sse_reconnects_slow:ratio_rate10m"),
        width=5,
        decimals=1,
        no_value="No reconnects",
    ),
    stat(
        "Resume gaps",
        "ratio",
        "Share of resumed connections that the replay could not serve in full, on the worst route. "
        "Those users miss events.",
        highest("route:sse_resume_gaps:ratio_rate15m"),
        decimals=1,
        no_value=NO_RESUMES,
    ),
    alerts_firing(),
    lines(
        "Packet loss rate (%)",
        "ratio",
        "Share of TCP segments that were sent again, by the network type of the stream, worst "
        "route. One network alone: that network. All of them: your own link.",
        each("network_type", "route_split:sse_packet_loss:ratio_rate10m"),
        height=9,
        decimals=2,
        colours=NETWORK_COLOURS,
    ),
    lines(
        "Latency distribution (p50, p95, p99)",
        "seconds",
        "Delay of events above the smallest delay of the same connection, as browsers measured it: "
        "the time that buffering and congestion add. Clocks need not agree.",
        *quantiles("route:sse_event_delay_seconds_bucket:rate5m"),
        height=9,
        colours=QUANTILE_COLOURS,
    ),
    lines(
        "Bandwidth efficiency (events per second)",
        "events/s",
        "Payload events per second: sent by the server, and received as browsers report it. The "
        "difference is events on the way, or browsers that send no reports.",
        Query(expr=f"sum({PAYLOAD})", legend="sent", weight="bold"),
        Query(
            expr="sum(route:sse_client_events_received:rate5m)",
            legend="received",
        ),
        height=9,
        colours={"sent": "plain", "received": "client"},
    ),
)

_DELIVERING = stage(
    "Delivering",
    lines(
        "Late events",
        "ratio",
        "Share of events that arrived over 1 s late, by route. A proxy that buffers delivers in "
        "batches. The server does not see it.",
        high_by("route", "route:sse_event_late:ratio_rate10m"),
        decimals=1,
    ),
    lines(
        "Round-trip time",
        "seconds",
        "Round-trip time on the next TCP hop. Behind a proxy that hop is the proxy.",
        *quantiles("route:sse_tcp_rtt_seconds_bucket:rate5m"),
        colours=QUANTILE_COLOURS,
    ),
    lines(
        "Events over 1 KiB",
        "ratio",
        "Share of events larger than 1 KiB, by route. Large events wait in buffers, most of all on "
        "slow networks: send less, or in smaller pieces.",
        high_by("route", "route:sse_event_oversized:ratio_rate1h"),
        decimals=1,
    ),
)

_RECOVERING = stage(
    "Recovering",
    lines(
        "Resumes by outcome",
        "operations/s",
        "Answers of the replay to resumed connections. Red: events are lost. Orange: this server "
        "does not know the stream, after a restart or without a shared store.",
        sum_by("outcome", "route:sse_resumes:rate5m"),
        stacked=True,
        colours=RESUME_COLOURS,
    ),
    lines(
        "Resumes with a gap",
        "ratio",
        "Share of resumed connections that the replay could not serve in full, by route. The "
        "buffer must hold more time than the slowest reconnect takes.",
        high_by("route", "route:sse_resume_gaps:ratio_rate15m"),
        decimals=1,
    ),
    lines(
        "Duplicate events",
        "ratio",
        "Share of received events that the client had already and dropped, by route. More than a "
        "little: a cursor is lost or ignored.",
        high_by("route", "route:sse_duplicates:ratio_rate15m"),
        decimals=2,
        no_value=NO_REPORTS,
    ),
    lines(
        "Reconnect time by network type, p95",
        "seconds",
        "Time from a lost connection to the next open. A slow network alone is weather. All of "
        "them together are you.",
        quantile(
            0.95,
            "route_split:sse_reconnect_time_seconds_bucket:rate5m",
            by=("network_type",),
            legend="{{network_type}}",
        ),
        width=12,
        decimals=1,
        colours=NETWORK_COLOURS,
    ),
    lines(
        "Slow reconnects",
        "ratio",
        "Share of reconnects that took over 5 s, by route. Above 5 % means that p95 is over 5 s.",
        high_by("route", "route:sse_reconnects_slow:ratio_rate10m"),
        width=12,
        decimals=1,
    ),
)

_ENDING = stage(
    "Ending",
    completion_by_network(),
    open_by_network(
        "On which networks the open streams were started: how many streams each line beside stands "
        "for.",
        width=12,
    ),
)

_BACKPRESSURE = depth(
    "Backpressure",
    lines(
        "Send blocked",
        "ratio",
        "Share of open time in which the application waited for the server to take bytes, by "
        "route. Readers are slower than the source.",
        high_by("route", "route:sse_send_blocked:ratio_rate5m"),
        decimals=1,
    ),
    lines(
        "Unsent bytes",
        "bytes",
        "Bytes that the kernel holds and has not sent, by route. It shows slow readers long before "
        "a send blocks.",
        most_by("route", "route:sse_tcp_unsent_bytes:sum"),
        no_value=NO_TCP,
    ),
    heatmap(
        "Event size",
        "bytes",
        "Size of events. Most should be under 1 KiB.",
        *buckets_over_time("route:sse_event_size_bytes_bucket:rate5m"),
    ),
)

_REPLAY = depth(
    "Replay buffer",
    lines(
        "Events held for replay",
        "count",
        "Events in the replay buffers, by route. They limit how long a user may be away.",
        most_by("route", "route:sse_replay_buffer_events:sum"),
        decimals=0,
    ),
    lines(
        "Replayed and evicted events",
        "events/s",
        "Events sent again to resumed connections, and events dropped from the buffer. Evictions "
        "are normal. Evictions together with gaps mean that the buffer is too short.",
        Query(expr="sum(route:sse_replayed_events:rate5m)", legend="replayed"),
        Query(expr="sum(route:sse_replay_evicted_events:rate5m)", legend="evicted"),
        colours={"replayed": "good", "evicted": "calm"},
    ),
    reconnect_by_network(
        "Time from a lost connection to the next open, on average. The buffer must hold more time "
        "than this."
    ),
)

_INSTANCES = per_instance(
    lines(
        "Packet loss by instance",
        "ratio",
        "Share of TCP segments that each chosen instance sent again. One instance alone: its node "
        "or its zone.",
        instances(
            "sum by (instance) (rate(sse_tcp_retransmitted_segments_total[<< rate_window >>]))"
            " / (sum by (instance) (rate(sse_tcp_sent_segments_total[<< rate_window >>])) > 0)"
        ),
        decimals=2,
    ),
    lines(
        "Unsent bytes by instance",
        "bytes",
        "Bytes that the kernel of each chosen instance holds and has not sent.",
        instances("sum by (instance) (sse_tcp_unsent_bytes)"),
    ),
    lines(
        "Events per second by instance",
        "events/s",
        "Payload events that each chosen instance sends. Far fewer than the others: it hangs.",
        instances(
            'sum by (instance) (rate(sse_events_sent_total{event="message"}[<< rate_window >>]))'
        ),
    ),
)

NETWORK_QUALITY = Board(
    name="network-quality",
    title="SSE / Network Quality",
    question="Is the way between server and users in order?",
    rows=(
        _ANSWER,
        _DELIVERING,
        _RECOVERING,
        _ENDING,
        _BACKPRESSURE,
        _REPLAY,
        _INSTANCES,
    ),
)
