"""Counts of a store's calls."""

from prometheus_client import CollectorRegistry

from sse_observe.reference.redis.counts import StoreCounts
from sse_observe.registry import SSEMetrics


def counted(call: str, error: str | None = None) -> dict[tuple[str, ...], float]:
    """Return what one call has counted: operation, and error if there was one."""
    metrics = SSEMetrics(CollectorRegistry())
    StoreCounts(metrics).called(call, 0.002, error)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name in ("sse_store_operation_seconds_count", "sse_store_errors_total")
        if sample.value
    }


def test_a_call_is_counted_by_what_it_is_for() -> None:
    """Looking for a stream is reading; a call of no such name is `other`."""
    assert counted("write") == {("sse_store_operation_seconds_count", "write"): 1}
    assert counted("lookup") == {("sse_store_operation_seconds_count", "read"): 1}
    assert counted("reserve") == {("sse_store_operation_seconds_count", "other"): 1}


def test_a_failed_call_counts_its_error_too() -> None:
    """Its time counts as well: a store that is slow fails late."""
    assert counted("present", "timeout") == {
        ("sse_store_operation_seconds_count", "watch"): 1,
        ("sse_store_errors_total", "watch", "timeout"): 1,
    }


def test_all_series_begin_at_zero() -> None:
    """`increase()` does not see the first failure of a series that begins at 1."""
    metrics = SSEMetrics(CollectorRegistry())
    StoreCounts(metrics)
    labels = {"operation": "write", "error": "full"}

    assert metrics.registry.get_sample_value("sse_store_errors_total", labels) == 0
    assert metrics.registry.get_sample_value("sse_producers_lost_total") == 0
