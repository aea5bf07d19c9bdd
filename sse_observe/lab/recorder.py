"""
Stand-in for sources that are not built yet: records what they would, through the same metrics.

What it feeds is `RECORDED`, and a test holds that list to what really has no source.
"""

from sse_observe.registry import SSEMetrics

RECORDED = ("sse_client_reports_total",)
"""The metrics that nothing but this module feeds."""


class Recorder:
    """Feeds one route as its sources would, a little with every `tick()`."""

    def __init__(self, metrics: SSEMetrics, route: str) -> None:
        self._metrics = metrics
        metrics.zero(route, "client")

    def tick(self) -> None:
        """Record one second of a healthy route."""
        self._metrics.counter("sse_client_reports_total").labels("accepted").inc()
