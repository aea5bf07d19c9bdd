"""The Agent's configuration, and what it costs."""

from sse_observe.metrics import SERVICE_METRICS
from sse_observe.render.datadog.agent import check_config, cost
from sse_observe.render.settings import Settings


def test_every_family_is_mapped_once() -> None:
    """Counters without `_total`, as the Agent reads them."""
    (instance,) = check_config(Settings())["instances"]
    raw = [name for entry in instance["metrics"] for name in entry]

    assert raw == [name.removesuffix("_total") for name in SERVICE_METRICS]
    assert instance["histogram_buckets_as_distributions"]
    assert instance["rename_labels"] == {"version": "sse_version"}


def test_it_is_asked_as_often_as_prometheus_scrapes() -> None:
    """The settings' own interval, in whole seconds."""
    (instance,) = check_config(Settings(scrape_interval="30s"))["instances"]

    assert instance["min_collection_interval"] == 30


def test_the_cost_counts_a_distribution_as_ten() -> None:
    """And its count and sum beside it."""
    counters = sum(
        metric.series()
        for metric in SERVICE_METRICS.values()
        if metric.source == "client" and metric.kind != "histogram" and "route" in metric.labels
    )
    histograms = sum(
        12 * metric.series() // (len(metric.buckets) + 3)
        for metric in SERVICE_METRICS.values()
        if metric.source == "client" and metric.kind == "histogram"
    )

    assert cost(("client",)).of_route == counters + histograms
