"""
Counts of what a store was asked, and of what came of it.

Knows metrics; each series is found once, since a write should not pay for a look-up.
"""

from sse_observe.metrics import STORE_ERRORS, STORE_OPERATIONS
from sse_observe.registry import SSEMetrics

# The script's calls by what they are for.
_OPERATIONS = {
    "find": "read",
    "lookup": "read",
    "present": "watch",
    "attended": "watch",
    "buried": "create",
    "exists": "lease",
    "last_report": "report",
    "age": "lease",
}


class StoreCounts:
    """The series of one store, all there at 0 from the start."""

    def __init__(self, metrics: SSEMetrics) -> None:
        self._seconds = {
            operation: metrics.histogram("sse_store_operation_seconds", operation)
            for operation in STORE_OPERATIONS
        }
        self._errors = {
            (operation, error): metrics.counter("sse_store_errors_total", operation, error)
            for operation in STORE_OPERATIONS
            for error in STORE_ERRORS
        }
        self._lost = metrics.counter("sse_producers_lost_total")

    def called(self, call: str, seconds: float, error: str | None) -> None:
        """Count one call of the script."""
        operation = _OPERATIONS.get(call, call)
        if operation not in self._seconds:
            operation = "other"
        self._seconds[operation].observe(seconds)
        if error is not None:
            self._errors[operation, error].inc()

    def producer_lost(self) -> None:
        """Count a stream whose producer's host is gone."""
        self._lost.inc()
