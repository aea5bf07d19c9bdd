"""
The sink that is prometheus_client: one family for each metric, in one registry.

A name belongs to the application first: what it has defined itself is left alone, and ours of
that name is not shown.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cached_property
from typing import cast

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric as Collected
from prometheus_client.registry import Collector

from sse_observe.metrics import SERVICE_METRICS, Metric
from sse_observe.registry.families import Counter, Gauge, Histogram
from sse_observe.registry.nowhere import NOTHING, Nothing

_Family = Counter | Gauge | Histogram
_LOGGER = logging.getLogger("sse_observe")


class PrometheusSink(Collector):
    """
    The metric families of one registry.

    It runs `before_scrape` whenever the registry is read, and takes the names that are free only
    then: an application may define metrics of its own after it has made ours. `is_shared`: the
    numbers of several processes are in files, and nobody reads the registry; a family makes its
    file when it is first counted in.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        before_scrape: Iterable[Callable[[], None]] = (),
        *,
        is_shared: bool = False,
    ) -> None:
        self._registry = registry
        self._before_scrape = before_scrape
        self._is_shared = is_shared
        self._taken: list[str] = []
        self._is_shown = False
        self._is_full = False
        # First: a registry collects in order of registration.
        registry.register(self)

    @cached_property
    def _families(self) -> dict[str, _Family]:
        return {name: _family(metric) for name, metric in SERVICE_METRICS.items()}

    def describe(self) -> list[Collected]:
        """Announce no name, and collect nothing."""
        return []

    def collect(self) -> Iterable[Collected]:
        """Let everybody write down what is counted elsewhere."""
        # This reading began without the families that are registered now.
        shown = [] if self._is_shared else self.show()
        for hook in self._before_scrape:
            hook()
        return [metric for family in shown for metric in family.collect()]

    def show(self) -> list[_Family]:
        """Register all families whose names are free, once; return them the first time."""
        if self._is_shown:
            return []
        self._is_shown = True
        shown = []
        for name, family in self._families.items():
            try:
                self._registry.register(family)
                shown.append(family)
            except ValueError:
                self._taken.append(name)
        if self._taken:
            _LOGGER.warning(
                "%s: defined by the application already, so ours are not shown, and rules and "
                "dashboards read the application's; remove those, or count in a registry of our "
                "own: SSEObserveMiddleware(app, metrics=SSEMetrics(CollectorRegistry()))",
                ", ".join(self._taken),
            )
        return shown

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
        if self._is_shared and name in self._taken:
            # In the files it would be one family with the application's.
            return cast(_Family, NOTHING)
        try:
            return family.labels(*labels) if labels else family
        except OSError as error:
            return cast(_Family, self._nothing(error))

    def _nothing(self, error: OSError) -> Nothing:
        """Return a series that is not counted, and say so: once in the log, always in a number."""
        if not self._is_full:
            self._is_full = True
            _LOGGER.error(
                "the numbers of several processes: %s; what this one counts for the first time is "
                "missing until it starts anew; make room in PROMETHEUS_MULTIPROC_DIR",
                error.strerror,
            )
        with suppress(OSError):
            cast(Counter, self._families["sse_observer_faults_total"]).labels("exposition").inc()
        return NOTHING


def _family(metric: Metric) -> _Family:
    labels = tuple(metric.labels)
    if metric.kind == "counter":
        return Counter(metric.name, metric.help, labels, registry=None)
    if metric.kind == "gauge":
        return Gauge(
            metric.name,
            metric.help,
            labels,
            registry=None,
            multiprocess_mode=metric.multiprocess,  # type: ignore[arg-type]
        )
    return Histogram(metric.name, metric.help, labels, registry=None, buckets=metric.buckets)
