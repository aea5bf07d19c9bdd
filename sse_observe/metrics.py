"""
Every metric of the package, stated once: name, kind, labels, buckets, help.

A vocabulary, no more: recording rules, dashboards, README table and series budget read it, and
`registry` makes the objects.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

OTHER = "other"
"""The label value for everything that was not declared; what a stranger sends ends here."""
ALL_USERS = "all"
"""The one user segment of an application that declares none."""

STARTS = ("fresh", "resumed")
REASONS = (
    "completed",
    "client_disconnected",
    "server_error",
    "shutdown",
    "slow_consumer",
    "already_complete",
    "polled",
)
"""How a stream ended, as far as its server shows it: README, "What it can tell"."""
NETWORKS = ("slow-2g", "2g", "3g", "4g", "unknown")
CUT_SINCE = ("open", "write")
CUT_LIMITS = (
    *("10", "15", "30", "55", "60", "75", "90", "100", "120", "180", "300", "350"),
    *("600", "900", "1800", "3600", OTHER),
)
REJECTED_STATUSES = ("3xx", "4xx", "5xx")
STREAM_STATES = ("flowing", "stalled")
EVENTS = ("message", "heartbeat", "comment", "done", OTHER)
RESUME_OUTCOMES = ("full", "gap", "unknown_stream", "malformed")
RESPONSE_FAULTS = (
    "buffering_allowed",
    "cacheable",
    "connection_header",
    "content_length",
    "compressed",
)
CLIENT_OUTCOMES = ("completed", "cancelled", "failed")
UI_MESSAGES = (
    "connecting",
    "live",
    "waiting",
    "reconnecting",
    "offline",
    "polling",
    "complete",
    "failed",
)
REPORT_RESULTS = (
    *("accepted", "bad_origin", "bad_token", "rate_limited", "too_large", "bad_schema"),
    "replayed",
)
KINDS = ("finite", "continuous")

Source = Literal["process", "server", "replay", "tcp", "client"]


@dataclass(frozen=True, slots=True)
class Metric:
    """
    One metric family as it is exposed.

    `labels` maps each label to its known values, or to `()` where they come from the
    application's own declarations (route, user_segment, declared event names).
    `source` is what feeds the family: a source that is off exports no series.
    `multiprocess` is prometheus_client's way of merging a gauge over worker processes.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: Mapping[str, tuple[str, ...]]
    help: str
    source: Source = "server"
    buckets: tuple[float, ...] = ()
    multiprocess: str = "livesum"
    at_zero: bool = True
    """Whether the children of a route exist at 0 before anything happens."""

    def series(self, *, segments: int = 1, networks: int = len(NETWORKS), events: int = 0) -> int:
        """
        Return the most series that one route of one process can export.

        `segments` counts the declared user segments in use, `events` the event names that the
        application declares beside our own.
        """
        sizes = {"user_segment": segments, "network_type": networks}
        children = 1
        for label, values in self.labels.items():
            children *= sizes.get(label, len(values) or 1)
            if label == "event":
                children += events
        return children * (len(self.buckets) + 3 if self.kind == "histogram" else 1)


_ROUTE: dict[str, tuple[str, ...]] = {"route": ()}
_STREAM: dict[str, tuple[str, ...]] = {"user_segment": (), "network_type": NETWORKS}

# 1 s … 24 h: a chat answer, a long answer, a feed, a wall screen. 14 bounds at most per histogram.
_DURATION = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400)
_FIRST_EVENT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60)
# The default heartbeat (10 s) and the default stall limit (30 s) are bounds.
_GAP = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 300)
# 1024: the guide's "< 1 KB per event".
_SIZE = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 65536, 262144, 1048576)
_RTT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
# 5 s is the guide's limit; it reaches 60 s so that p99 does not sit on the top bucket in an outage.
_RECONNECT = (0.5, 1, 2, 3, 5, 10, 15, 30, 60)
_RECOVERY = (1, 2, 5, 10, 15, 30, 45, 60, 120, 300)
_DELAY = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

_DECLARATIONS = (
    Metric("sse_concurrent_streams", "gauge", _ROUTE, "Event streams that are open now."),
    Metric(
        "sse_silent_streams",
        "gauge",
        _ROUTE,
        "Open streams that sent no byte for 2.5 heartbeat intervals.",
    ),
    Metric(
        "sse_stalled_streams",
        "gauge",
        _ROUTE,
        "Open streams that sent no payload event for the route's stall limit; "
        "heartbeats do not count.",
    ),
    Metric(
        "sse_orphaned_streams",
        "gauge",
        _ROUTE,
        "Streams whose client is known to be gone while the application still runs.",
    ),
    Metric(
        "sse_streams_opened_total",
        "counter",
        {**_ROUTE, "start": STARTS, **_STREAM},
        "Connections opened; `resumed` ones carried a Last-Event-ID.",
        at_zero=False,
    ),
    Metric(
        "sse_streams_closed_total",
        "counter",
        {**_ROUTE, "reason": REASONS, **_STREAM},
        "Connections closed, by how they ended, as far as the server shows it.",
        at_zero=False,
    ),
    Metric(
        "sse_cuts_total",
        "counter",
        {**_ROUTE, "since": CUT_SINCE, "limit": CUT_LIMITS},
        "Client disconnects close to a well-known time limit in seconds, "
        "by the stream's age (open) and by the silence before them (write).",
    ),
    Metric(
        "sse_open_rejected_total",
        "counter",
        {**_ROUTE, "status": REJECTED_STATUSES},
        "Requests that asked for an event stream and got a redirect or an error.",
    ),
    Metric(
        "sse_stream_duration_seconds",
        "histogram",
        _ROUTE,
        "How long a connection lived.",
        buckets=_DURATION,
    ),
    Metric(
        "sse_time_to_first_event_seconds",
        "histogram",
        _ROUTE,
        "From the request to the first payload event of a fresh stream; hello, heartbeats and "
        "comments do not count.",
        buckets=_FIRST_EVENT,
    ),
    Metric(
        "sse_event_gap_seconds",
        "histogram",
        _ROUTE,
        "Silence between two writes of one stream.",
        buckets=_GAP,
    ),
    Metric(
        "sse_stream_seconds_total",
        "counter",
        {**_ROUTE, "state": STREAM_STATES},
        "Time that streams spent open, flowing or stalled; sees a freeze while it lasts.",
    ),
    Metric(
        "sse_events_sent_total",
        "counter",
        {**_ROUTE, "event": EVENTS},
        "Events sent, by event name; names that were not declared are `other`.",
    ),
    Metric("sse_sent_bytes_total", "counter", _ROUTE, "Body bytes sent on event streams."),
    Metric(
        "sse_event_size_bytes",
        "histogram",
        _ROUTE,
        "Size of one event with its line ends, without the blank line.",
        buckets=_SIZE,
    ),
    Metric(
        "sse_send_blocked_seconds_total",
        "counter",
        _ROUTE,
        "Time that the application waited for the server to take bytes, sampled once a second.",
    ),
    Metric(
        "sse_resumes_total",
        "counter",
        {**_ROUTE, "outcome": RESUME_OUTCOMES},
        "Resumed connections, by what the replay could give.",
        source="replay",
    ),
    Metric(
        "sse_replayed_events_total",
        "counter",
        _ROUTE,
        "Events sent again to resumed connections.",
        source="replay",
    ),
    Metric(
        "sse_replay_evicted_events_total",
        "counter",
        _ROUTE,
        "Events dropped from the replay buffer to keep it bounded.",
        source="replay",
    ),
    Metric(
        "sse_replay_buffer_events",
        "gauge",
        _ROUTE,
        "Events held for replay now.",
        source="replay",
    ),
    Metric(
        "sse_message_loss_total",
        "counter",
        {**_ROUTE, "seen_by": ("server", "client")},
        "Events known to be lost for good; the client counts only what hello did not announce.",
    ),
    Metric(
        "sse_duplicate_events_total",
        "counter",
        {**_ROUTE, "seen_by": ("server", "client")},
        "Events delivered twice: replayed at or before the cursor (server), "
        "or received and dropped (client).",
    ),
    Metric(
        "sse_stall_detections_total",
        "counter",
        {**_ROUTE, "seen_by": ("server", "client")},
        "Stalls seen: no payload for the stall limit (server), no byte (client).",
    ),
    Metric(
        "sse_response_faults_total",
        "counter",
        {**_ROUTE, "fault": RESPONSE_FAULTS},
        "Streams whose response headers let something between server and client "
        "buffer, cache or break them.",
    ),
    Metric(
        "sse_tcp_sent_segments_total",
        "counter",
        {**_ROUTE, "network_type": NETWORKS},
        "TCP segments sent with data; on the next TCP hop, which behind a proxy is the proxy.",
        source="tcp",
    ),
    Metric(
        "sse_tcp_retransmitted_segments_total",
        "counter",
        {**_ROUTE, "network_type": NETWORKS},
        "TCP segments sent again; on the next TCP hop, which behind a proxy is the proxy.",
        source="tcp",
    ),
    Metric(
        "sse_tcp_rtt_seconds",
        "histogram",
        _ROUTE,
        "Smoothed round-trip time of open streams, sampled; on the next TCP hop.",
        source="tcp",
        buckets=_RTT,
    ),
    Metric(
        "sse_tcp_unsent_bytes",
        "gauge",
        _ROUTE,
        "Bytes that the kernel holds and has not sent yet: the real backpressure.",
        source="tcp",
    ),
    Metric(
        "sse_reconnect_time_seconds",
        "histogram",
        {**_ROUTE, "network_type": NETWORKS},
        "Connection lost to open again, as the client measured it.",
        source="client",
        buckets=_RECONNECT,
    ),
    Metric(
        "sse_stall_recovery_seconds",
        "histogram",
        _ROUTE,
        "Stall seen to the next event, as the client measured it.",
        source="client",
        buckets=_RECOVERY,
    ),
    Metric(
        "sse_event_delay_seconds",
        "histogram",
        _ROUTE,
        "Delivery delay above the best seen on the same connection; no clock is trusted.",
        source="client",
        buckets=_DELAY,
    ),
    Metric(
        "sse_client_events_received_total",
        "counter",
        {**_ROUTE, "network_type": NETWORKS},
        "Payload events that clients received.",
        source="client",
    ),
    Metric(
        "sse_client_streams_total",
        "counter",
        {**_ROUTE, "outcome": CLIENT_OUTCOMES, **_STREAM},
        "Streams as clients saw them end, once per stream.",
        source="client",
        at_zero=False,
    ),
    Metric(
        "sse_ui_messages_shown_total",
        "counter",
        {**_ROUTE, "message": UI_MESSAGES},
        "Status messages that users were shown.",
        source="client",
    ),
    Metric(
        "sse_client_reports_total",
        "counter",
        {"result": REPORT_RESULTS},
        "Client reports received, by what became of them.",
        source="client",
    ),
    Metric(
        "sse_heartbeat_interval_seconds",
        "gauge",
        _ROUTE,
        "The heartbeat interval that the route declares.",
        multiprocess="livemax",
        at_zero=False,
    ),
    Metric(
        "sse_stream_limit",
        "gauge",
        _ROUTE,
        "The most streams of this route that one process is meant to hold.",
        at_zero=False,
    ),
    Metric(
        "sse_observer_faults_total",
        "counter",
        {"where": ("middleware", "event_counter", "tick", "tcp", "beacon", "exposition")},
        "Failures of sse-observe itself: caught, counted, never the stream's problem.",
        source="process",
    ),
    Metric(
        "sse_build_info",
        "gauge",
        {"version": ()},
        "Always 1; the version of sse-observe that exports these metrics.",
        source="process",
        multiprocess="livemax",
        at_zero=False,
    ),
    Metric(
        "sse_route_info",
        "gauge",
        {**_ROUTE, "kind": KINDS},
        "Always 1; whether streams of this route are meant to end (finite) or not (continuous).",
        multiprocess="livemax",
        at_zero=False,
    ),
    Metric(
        "sse_start_time_seconds",
        "gauge",
        {},
        "When this process, or the oldest of its workers, started; Unix time.",
        source="process",
        multiprocess="livemin",
        at_zero=False,
    ),
)

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _DECLARATIONS}
