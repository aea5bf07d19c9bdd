"""Metrics of what the kernel knows of the sockets under streams."""

from sse_observe.metrics.labels import NETWORKS, ROUTE
from sse_observe.metrics.model import Metric

_RTT = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.8, 3.2)

METRICS = (
    Metric(
        "sse_tcp_sent_segments_total",
        "counter",
        {**ROUTE, "network_type": NETWORKS},
        "TCP segments sent with data; on the next TCP hop, which behind a proxy is the proxy.",
    ),
    Metric(
        "sse_tcp_retransmitted_segments_total",
        "counter",
        {**ROUTE, "network_type": NETWORKS},
        "TCP segments sent again; on the next TCP hop, which behind a proxy is the proxy.",
    ),
    Metric(
        "sse_tcp_rtt_seconds",
        "histogram",
        ROUTE,
        "Smoothed round-trip time of open streams, sampled; on the next TCP hop.",
        buckets=_RTT,
    ),
    Metric(
        "sse_tcp_unsent_bytes",
        "gauge",
        ROUTE,
        "Bytes that the kernel holds and has not sent yet: the real backpressure.",
    ),
)
