"""Metrics of a process as a whole, and of sse-observe itself."""

from sse_observe.metrics.model import Metric

# A callback of the loop waits so long; 100 ms are felt in every stream of the process.
_LAG = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)

METRICS = (
    Metric(
        "sse_observer_faults_total",
        "counter",
        {
            "where": (
                "middleware",
                "event_counter",
                "tick",
                "tcp",
                "beacon",
                "exposition",
                "upstream",
            )
        },
        "Failures of sse-observe itself: caught, counted, never the stream's problem.",
    ),
    Metric(
        "sse_event_loop_lag_seconds",
        "histogram",
        {},
        "How late the event loop runs a timer, sampled once a second while streams are open.",
        buckets=_LAG,
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
