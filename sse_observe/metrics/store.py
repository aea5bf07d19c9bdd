"""Metrics of a store that hosts share: whether it answers, and what it refused or lost."""

from sse_observe.metrics.labels import STORE_ERRORS, STORE_OPERATIONS
from sse_observe.metrics.model import Metric

# A millisecond is usual; a quarter of a second is felt; after two seconds we give up.
_OPERATION = (0.001, 0.0025, 0.01, 0.025, 0.1, 0.25, 1, 2.5)

METRICS = (
    Metric(
        "sse_store_operation_seconds",
        "histogram",
        {"operation": STORE_OPERATIONS},
        "How long the shared store took to answer, from the call to its answer.",
        buckets=_OPERATION,
        at_zero=False,
    ),
    Metric(
        "sse_store_errors_total",
        "counter",
        {"operation": STORE_OPERATIONS, "error": STORE_ERRORS},
        "Calls of the shared store that failed: unreachable, too late, refused, or full.",
        at_zero=False,
    ),
    Metric(
        "sse_streams_fenced_total",
        "counter",
        {},
        "Producers that were stopped because another writer had taken, or ended, their stream.",
    ),
    Metric(
        "sse_producers_lost_total",
        "counter",
        {},
        "Streams whose producer's host died, as a host that reads them has noticed.",
    ),
)
