"""
Stand-in for sources that are not built yet: records what they would, through the same metrics.

What it feeds is `RECORDED`, and a test holds that list to what really has no source.
"""

import random

from sse_observe.metrics import METRICS
from sse_observe.registry import SSEMetrics

RECORDED = tuple(
    name
    for name, metric in METRICS.items()
    if metric.source == "tcp" or name == "sse_client_reports_total"
)
"""The metrics that nothing but this module feeds."""

_SEGMENTS_PER_TICK = 40


class Recorder:
    """Feeds one route as its sources would, a little with every `tick()`."""

    def __init__(self, metrics: SSEMetrics, route: str) -> None:
        self._metrics = metrics
        self._route = route
        metrics.zero(route, "tcp")
        metrics.zero(route, "client")

    def tick(self) -> None:
        """Record one second of a healthy route."""
        count, route = self._metrics.counter, self._route
        count("sse_tcp_sent_segments_total").labels(route, "4g").inc(_SEGMENTS_PER_TICK)
        if random.random() < 0.2:  # noqa: S311 - no secret
            count("sse_tcp_retransmitted_segments_total").labels(route, "4g").inc()
        rtt = random.uniform(0.02, 0.08)  # noqa: S311
        self._metrics.histogram("sse_tcp_rtt_seconds").labels(route).observe(rtt)
        self._metrics.gauge("sse_tcp_unsent_bytes").labels(route).set(random.randrange(2000))  # noqa: S311
        count("sse_client_reports_total").labels("accepted").inc()
