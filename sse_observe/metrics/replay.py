"""Metrics of replay: resumes, and what is held to be sent again."""

from sse_observe.metrics.labels import RESUME_OUTCOMES, ROUTE
from sse_observe.metrics.model import Metric

METRICS = (
    Metric(
        "sse_resumes_total",
        "counter",
        {**ROUTE, "outcome": RESUME_OUTCOMES},
        "Resumed connections, by what the replay could give.",
    ),
    Metric(
        "sse_replayed_events_total",
        "counter",
        ROUTE,
        "Events sent again to resumed connections.",
    ),
    Metric(
        "sse_replay_evicted_events_total",
        "counter",
        ROUTE,
        "Events dropped from the replay buffer to keep it bounded.",
    ),
    Metric(
        "sse_replay_buffer_events",
        "gauge",
        ROUTE,
        "Events held for replay now.",
    ),
)
