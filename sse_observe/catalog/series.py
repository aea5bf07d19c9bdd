"""Series by name: those that the exporter writes, and those in a query that are ours."""

from collections.abc import Mapping

from sse_observe.catalog import promql
from sse_observe.metrics import METRICS, Metric

_HISTOGRAM_SUFFIXES = ("_bucket", "_sum", "_count")
_PREFIXES = ("sse_", "route:", "route_split:")

RAW: Mapping[str, Metric] = {
    metric.name + suffix: metric
    for metric in METRICS.values()
    for suffix in (_HISTOGRAM_SUFFIXES if metric.kind == "histogram" else ("",))
}
"""Every series that the exporter writes, with its metric."""


def series_in(text: str) -> list[str]:
    """Return the names of our series in a query, raw or recorded, in order."""
    return [name for name in promql.names(text) if name.startswith(_PREFIXES)]
