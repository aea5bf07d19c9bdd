"""Names of series: what the exporter writes, and what a text names of it."""

from sse_observe.catalog.series import RAW, series_in
from sse_observe.metrics import METRICS


def test_a_histogram_is_three_series() -> None:
    """Buckets, sum and count are series; the family's own name is none."""
    name = "sse_stream_duration_seconds"

    assert {series for series, metric in RAW.items() if metric is METRICS[name]} == {
        f"{name}_bucket",
        f"{name}_sum",
        f"{name}_count",
    }
    assert RAW["sse_concurrent_streams"] is METRICS["sse_concurrent_streams"]


def test_our_series_are_found_in_order_outside_of_strings() -> None:
    """Functions, labels, strings and other people's metrics are passed over."""
    query = 'sum by (sse) (route:a:rate5m{x="sse_no"}) / up + sse_b_total + route_split:c:sum'

    assert series_in(query) == ["route:a:rate5m", "sse_b_total", "route_split:c:sum"]
