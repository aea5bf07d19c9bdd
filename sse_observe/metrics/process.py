"""Metrics of a process as a whole, and of sse-observe itself."""

from sse_observe.metrics.model import Metric

METRICS = (
    Metric(
        "sse_observer_faults_total",
        "counter",
        {"where": ("middleware", "event_counter", "tick", "tcp", "beacon", "exposition")},
        "Failures of sse-observe itself: caught, counted, never the stream's problem.",
    ),
    Metric(
        "sse_build_info",
        "gauge",
        {"version": ()},
        "Always 1; the version of sse-observe that exports these metrics.",
        multiprocess="livemax",
        at_zero=False,
    ),
    Metric(
        "sse_start_time_seconds",
        "gauge",
        {},
        "When this process, or the oldest of its workers, started; Unix time.",
        multiprocess="livemin",
        at_zero=False,
    ),
)
