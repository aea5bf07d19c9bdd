"""
The Agent's OpenMetrics check: every family mapped, and what it costs.

Counters are named without `_total`; histograms become distributions.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sse_observe.metrics import SERVICE_METRICS
from sse_observe.metrics.model import Source
from sse_observe.render.datadog.query import JSON, NAMESPACE
from sse_observe.render.settings import Settings

# Datadog's own: a label of that name would put its value on everything of the host.
_RESERVED = ("host", "device", "source", "service", "env", "version", "cluster_name")
# Of one distribution: count, sum, min, max, avg; and with quantiles as many again.
_OF_A_DISTRIBUTION = 10


class Cost(NamedTuple):
    """Custom metrics, which Datadog bills: of one route of a process, and of a process besides."""

    of_route: int
    besides: int


def check_config(settings: Settings) -> JSON:
    """Return `conf.d/openmetrics.d/conf.yaml`."""
    given = settings.datadog
    labels = {label for metric in SERVICE_METRICS.values() for label in metric.labels}
    return {
        "init_config": {},
        "instances": [
            {
                "openmetrics_endpoint": given.endpoint,
                "namespace": NAMESPACE,
                # `service:` is attached by the Agent itself; a tag is there from the check on.
                "tags": [f"service:{given.service}"],
                "min_collection_interval": max(1, round(settings.scrape_seconds)),
                "metrics": [
                    {metric.name.removesuffix("_total"): _short(metric.name)}
                    for metric in SERVICE_METRICS.values()
                ],
                "rename_labels": {label: f"sse_{label}" for label in _RESERVED if label in labels},
                "histogram_buckets_as_distributions": True,
                "collect_counters_with_distributions": True,
            }
        ],
    }


def _short(name: str) -> str:
    return name.removesuffix("_total").removeprefix("sse_")


def cost(sources: Iterable[Source]) -> Cost:
    """Return what the families of some sources cost."""
    wanted = {*sources}
    of_route = besides = 0
    for metric in SERVICE_METRICS.values():
        if metric.source not in wanted:
            continue
        series = metric.series()
        if metric.kind == "histogram":
            # Its children without buckets: two counters and a distribution each.
            children = series // (len(metric.buckets) + 3)
            series = children * (2 + _OF_A_DISTRIBUTION)
        if "route" in metric.labels:
            of_route += series
        else:
            besides += series
    return Cost(of_route, besides)
