"""prometheus_client's families as we need them."""

from prometheus_client import generate_latest

from sse_observe.metrics import METRICS
from sse_observe.registry import SSEMetrics


def samples(metrics: SSEMetrics) -> dict[str, float]:
    text = generate_latest(metrics.registry).decode()
    return {
        line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if not line.startswith("#")
    }


def test_no_created_series_is_exposed(metrics: SSEMetrics) -> None:
    """prometheus_client would write one more series for every counter and histogram."""
    metrics.zero("/chat")

    assert "_created" not in generate_latest(metrics.registry).decode()


def test_adding_counted_observations_equals_observing_them(metrics: SSEMetrics) -> None:
    """The one use of prometheus_client's private parts gives what `observe` gives."""
    observed = metrics.histogram("sse_event_gap_seconds", "/observed")
    added = metrics.histogram("sse_event_gap_seconds", "/added")
    values = [0.001, 0.02, 0.02, 7.0, 1000.0]
    counts = [0] * (len(METRICS["sse_event_gap_seconds"].buckets) + 1)
    for value in values:
        observed.observe(value)
        counts[sum(value > bound for bound in METRICS["sse_event_gap_seconds"].buckets)] += 1

    added.add(counts, sum(values))

    found = samples(metrics)
    ours = {k.replace("/added", "/x"): v for k, v in found.items() if "/added" in k}
    theirs = {k.replace("/observed", "/x"): v for k, v in found.items() if "/observed" in k}
    assert ours == theirs
