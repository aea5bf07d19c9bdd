"""The sink of a process that cannot show its numbers."""

from sse_observe import StreamRoute
from sse_observe.middleware.route_counts import RouteCounts
from sse_observe.registry.flush import Flush
from sse_observe.registry.nowhere import Nowhere
from tests.support.asgi import value


def test_whatever_is_counted_goes_nowhere_and_fails_nowhere(metrics):
    """Each kind takes what a flush brings."""
    metrics._sink = Nowhere()
    counts = RouteCounts("/s", StreamRoute())
    counts.open = 3
    counts.lost = 1
    counts.cuts["open", "60"] = 2
    counts.durations.add(5)
    Flush(metrics, counts, "/s").write()
    metrics.histogram("sse_stream_duration_seconds", "/s").observe(1)
    metrics.histogram("sse_stream_duration_seconds", "/s").exemplify(1, {"trace_id": "x"})
    metrics.gauge("sse_stream_limit", "/s").set(1)

    assert value(metrics, "sse_concurrent_streams") == 0
    assert value(metrics, "sse_stream_duration_seconds_count") == 0
