"""The sink that is prometheus_client: one family for each metric, in one registry."""

from typing import cast

from prometheus_client import CollectorRegistry

from sse_observe.metrics import METRICS, Metric
from sse_observe.registry.families import Counter, Gauge, Histogram

_Family = Counter | Gauge | Histogram


class PrometheusSink:
    """The metric families of one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._families = {metric.name: _family(metric, registry) for metric in METRICS.values()}

    def counter(self, name: str, *labels: str) -> Counter:
        """Return one series of a counter; KeyError where no counter has that name."""
        return cast(Counter, self._child(Counter, name, labels))

    def gauge(self, name: str, *labels: str) -> Gauge:
        """Return one series of a gauge; KeyError where no gauge has that name."""
        return cast(Gauge, self._child(Gauge, name, labels))

    def histogram(self, name: str, *labels: str) -> Histogram:
        """Return one series of a histogram; KeyError where no histogram has that name."""
        return cast(Histogram, self._child(Histogram, name, labels))

    def _child(self, kind: type[_Family], name: str, labels: tuple[str, ...]) -> _Family:
        family = self._families[name]
        if not isinstance(family, kind):
            raise KeyError(name)
        return family.labels(*labels) if labels else family


def _family(metric: Metric, registry: CollectorRegistry) -> _Family:
    labels = tuple(metric.labels)
    if metric.kind == "counter":
        return Counter(metric.name, metric.help, labels, registry=registry)
    if metric.kind == "gauge":
        return Gauge(
            metric.name,
            metric.help,
            labels,
            registry=registry,
            multiprocess_mode=metric.multiprocess,  # type: ignore[arg-type]
        )
    return Histogram(metric.name, metric.help, labels, registry=registry, buckets=metric.buckets)
