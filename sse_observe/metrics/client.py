"""Metrics of what only clients see."""

from sse_observe.metrics.labels import (
    CLIENT_OUTCOMES,
    NETWORKS,
    REPORT_RESULTS,
    ROUTE,
    STREAM,
    UI_MESSAGES,
)
from sse_observe.metrics.model import Metric

# 5 s is the alert's limit; it reaches 60 s so that p99 does not sit on the top bucket in an outage.
_RECONNECT = (0.5, 1, 2, 5, 10, 15, 30, 60)
_RECOVERY = (1, 2, 5, 10, 30, 60, 300)
_DELAY = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10, 60)

METRICS = (
    Metric(
        "sse_reconnect_time_seconds",
        "histogram",
        {**ROUTE, "network_type": NETWORKS},
        "Connection lost to open again, as the client measured it.",
        buckets=_RECONNECT,
    ),
    Metric(
        "sse_stall_recovery_seconds",
        "histogram",
        ROUTE,
        "Stall seen to the next event, as the client measured it.",
        buckets=_RECOVERY,
    ),
    Metric(
        "sse_event_delay_seconds",
        "histogram",
        ROUTE,
        "Delivery delay above the best seen on the same connection; no clock is trusted.",
        buckets=_DELAY,
    ),
    Metric(
        "sse_client_events_received_total",
        "counter",
        {**ROUTE, "network_type": NETWORKS},
        "Payload events that clients received.",
    ),
    Metric(
        "sse_client_streams_total",
        "counter",
        {**ROUTE, "outcome": CLIENT_OUTCOMES, **STREAM},
        "Streams as clients saw them end, once per stream.",
        at_zero=False,
    ),
    Metric(
        "sse_unconfirmed_streams",
        "gauge",
        ROUTE,
        "Open streams whose client reported once, and has not for three intervals: it may be gone "
        "behind a proxy that still answers for it.",
    ),
    Metric(
        "sse_ui_messages_shown_total",
        "counter",
        {**ROUTE, "message": UI_MESSAGES},
        "Status messages that users were shown.",
    ),
    Metric(
        "sse_client_reports_total",
        "counter",
        {"result": REPORT_RESULTS},
        "Client reports received, by what became of them.",
    ),
)
