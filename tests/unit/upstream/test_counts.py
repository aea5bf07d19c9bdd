"""The counts of an upstream: the message path's, told in fewer bounds."""

from sse_observe.metrics import METRICS
from sse_observe.middleware.message_counts import CONTENT_GAP_BOUNDS, FIRST_BOUNDS
from sse_observe.upstream.counts import UpstreamCounts


def test_their_bounds_are_some_of_those_that_the_message_path_counts_in() -> None:
    """Otherwise a finer bucket would stand in two coarser ones."""
    assert {*METRICS["sse_upstream_first_content_seconds"].buckets} <= {*FIRST_BOUNDS}
    assert {*METRICS["sse_upstream_content_gap_seconds"].buckets} <= {*CONTENT_GAP_BOUNDS}


def test_each_observation_keeps_its_bound() -> None:
    """An observation below a bound stays below it, and beyond the last beyond it."""
    counts = UpstreamCounts("model")
    for seconds in (0.01, 0.25, 0.3, 7.0, 90.0, 1000.0):
        counts.first_events.add(seconds)
    counts.complete()

    of = dict(zip((*counts.waits.bounds, "more"), counts.waits.bins, strict=True))
    assert {bound: n for bound, n in of.items() if n} == {0.25: 2, 0.5: 1, 10: 1, "more": 2}
    assert counts.waits.total == 1097.56


def test_an_upstream_stays_within_its_series_budget() -> None:
    """Forty series for each, in each process."""
    series = sum(m.series() for m in METRICS.values() if m.source == "upstream")
    assert series <= 40
