"""
The metric objects of one registry, made from the vocabulary: looked up by name, born at zero.

Knows prometheus_client and what is stated in `metrics`; knows neither streams nor ASGI.
"""

import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from threading import RLock
from typing import TypeVar

from prometheus_client import REGISTRY, CollectorRegistry

from sse_observe.metrics import METRICS, Metric, Source
from sse_observe.registry.families import BeforeScrape, Counter, Gauge, Histogram
from sse_observe.registry.multiprocess import MULTIPROC_DIR

T = TypeVar("T")
_ATTACHING = RLock()


@cache
def package_version() -> str:
    """Return the installed version of sse-observe, or `unknown` in a bare source tree."""
    try:
        return version("sse-observe")
    except PackageNotFoundError:
        return "unknown"


@dataclass(eq=False)
class SSEMetrics:
    """
    The metric objects of one registry.

    One process usually needs one, `default_metrics()`; tests and processes that hold several
    applications give each its own registry. Asked twice for one registry, as by a module that is
    loaded again, it is the same metrics twice.
    """

    registry: CollectorRegistry = field(default_factory=lambda: REGISTRY)
    before_scrape: list[Callable[[], None]] = field(init=False, repr=False, default_factory=list)
    """What is run before the registry is read; must not raise."""
    at_shutdown: list[Callable[[], Awaitable[None]]] = field(
        init=False, repr=False, default_factory=list
    )
    """What is awaited once the books are closed, before the process may end."""
    report_token: Callable[[str, str, str], str] | None = field(
        init=False, repr=False, default=None
    )
    """Signs (route, user_segment, network_type) for browser reports, where those are taken."""
    _attached: dict[type, object] = field(init=False, repr=False, default_factory=dict)
    _families: dict[str, Counter | Gauge | Histogram] = field(init=False, repr=False)
    _zeroed: set[tuple[str, ...]] = field(init=False, repr=False, default_factory=set)
    _facts: list[tuple[Gauge, float]] = field(init=False, repr=False, default_factory=list)
    _stated_in: int | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        with _ATTACHING:
            elder = getattr(self.registry, "_sse_observe", None)
            if elder is None:
                self._fill()
                self.registry._sse_observe = vars(self)  # type: ignore[attr-defined]  # noqa: SLF001
            else:
                self.__dict__ = elder

    def _fill(self) -> None:
        self.registry.register(BeforeScrape(self.before_scrape))
        self._families = {m.name: self._build(m) for m in METRICS.values()}
        if MULTIPROC_DIR not in os.environ:
            self.state_facts()
        self.state("sse_build_info", 1, version=package_version())
        self.state("sse_start_time_seconds", time.time())
        for where in METRICS["sse_observer_faults_total"].labels["where"]:
            self.counter("sse_observer_faults_total").labels(where=where)

    def _build(self, metric: Metric) -> Counter | Gauge | Histogram:
        names = tuple(metric.labels)
        if metric.kind == "counter":
            return Counter(metric.name, metric.help, names, registry=self.registry)
        if metric.kind == "gauge":
            return Gauge(
                metric.name,
                metric.help,
                names,
                registry=self.registry,
                multiprocess_mode=metric.multiprocess,  # type: ignore[arg-type]
            )
        return Histogram(
            metric.name, metric.help, names, registry=self.registry, buckets=metric.buckets
        )

    def state(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge that stays as it is for the life of the process."""
        gauge = self.gauge(name)
        child = gauge.labels(**labels) if labels else gauge
        self._facts.append((child, value))
        # A process that only loads the application, and then forks those that serve it, must not
        # be counted among them.
        if METRICS[name].multiprocess != "livesum" or self._stated_in == os.getpid():
            child.set(value)

    def state_facts(self) -> None:
        """State it all in this process, which serves; it may have been forked since."""
        if self._stated_in != os.getpid():
            self._stated_in = os.getpid()
            for child, value in self._facts:
                child.set(value)

    def attach(self, kind: type[T], make: Callable[[], T]) -> T:
        """Return the one `kind` that belongs to these metrics, made at the first call."""
        with _ATTACHING:
            found = self._attached.get(kind)
            if not isinstance(found, kind):
                found = self._attached[kind] = make()
            return found

    def counter(self, name: str) -> Counter:
        """Return the counter of that name; KeyError where there is none."""
        family = self._families[name]
        if not isinstance(family, Counter):
            raise KeyError(name)
        return family

    def gauge(self, name: str) -> Gauge:
        """Return the gauge of that name; KeyError where there is none."""
        family = self._families[name]
        if not isinstance(family, Gauge):
            raise KeyError(name)
        return family

    def histogram(self, name: str) -> Histogram:
        """Return the histogram of that name; KeyError where there is none."""
        family = self._families[name]
        if not isinstance(family, Histogram):
            raise KeyError(name)
        return family

    def zero(self, route: str, source: Source = "server", *, events: Sequence[str] = ()) -> None:
        """
        Create a route's children of one source at 0, once.

        `increase()` over a series that is born at 1 misses the first event. `seen_by="client"`
        children belong to the client source, whatever family they are in.
        """
        if (route, source) in self._zeroed:
            return
        self._zeroed.add((route, source))
        for metric in METRICS.values():
            if not metric.at_zero or "where" in metric.labels:
                continue
            labels = {**metric.labels, "route": (route,)}
            if "seen_by" in labels:
                labels["seen_by"] = tuple(
                    who for who in labels["seen_by"] if (who == "client") == (source == "client")
                )
                if source not in ("server", "client"):
                    continue
            elif metric.source != source:
                continue
            if "route" not in metric.labels:
                del labels["route"]
            if "event" in labels:
                labels["event"] = tuple(dict.fromkeys((*labels["event"], *events)))
            for values in product(*(labels[name] for name in metric.labels)):
                self._families[metric.name].labels(*values)

    def zero_segment(
        self, route: str, user_segment: str, network_type: str, source: Source = "server"
    ) -> None:
        """
        Create the children of one (segment, network) of a route at 0, once.

        They come late, when the first such stream opens: opened and closed are born together,
        so the first event that both miss cancels out.
        """
        key = (route, source, user_segment, network_type)
        if key in self._zeroed:
            return
        self._zeroed.add(key)
        known = {
            "route": (route,),
            "user_segment": (user_segment,),
            "network_type": (network_type,),
        }
        for metric in METRICS.values():
            if metric.source == source and "user_segment" in metric.labels:
                labels = {**metric.labels, **known}
                for values in product(*(labels[name] for name in metric.labels)):
                    self._families[metric.name].labels(*values)


@cache
def default_metrics() -> SSEMetrics:
    """Return the metrics of prometheus_client's default registry, made on first use."""
    return SSEMetrics()
