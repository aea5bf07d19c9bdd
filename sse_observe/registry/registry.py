"""
The metrics of one registry: they begin at 0, are counted through one sink, and exist once.

Knows what is stated in `metrics`; knows neither streams nor ASGI.
"""

import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from threading import RLock
from typing import Self, TypeVar

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.values import ValueClass

from sse_observe.errors import SettingsError
from sse_observe.metrics import METRICS, Metric, Source
from sse_observe.registry import liveness
from sse_observe.registry.disk_room import take_room_first
from sse_observe.registry.multiprocess import MULTIPROC_DIR, shared_directory
from sse_observe.registry.nowhere import Nowhere
from sse_observe.registry.prometheus import PrometheusSink
from sse_observe.registry.receipt import Receipt
from sse_observe.registry.siblings import is_one_of_many, is_the_first
from sse_observe.registry.sink import Counter, Gauge, Histogram, Sink

T = TypeVar("T")
_LOGGER = logging.getLogger("sse_observe")
_MAKING = RLock()
_SIGN = Callable[[str, str, str, Receipt], str]


@cache
def package_version() -> str:
    """Return the installed version of sse-observe, or `unknown` in a bare source tree."""
    try:
        return version("sse-observe")
    except PackageNotFoundError:
        return "unknown"


class SSEMetrics:
    """
    The metrics of one `registry`, prometheus_client's default one unless you give another.

    One process usually needs one, `default_metrics()`; tests and processes that hold several
    applications give each its own registry. Asked twice for one registry, as by a module that is
    loaded again, it is the same object twice. `sink` counts elsewhere than in the registry.
    """

    registry: CollectorRegistry
    before_scrape: list[Callable[[], None]]
    """Run before the registry is read; must not raise."""
    at_shutdown: list[Callable[[], Awaitable[None]]]
    """Awaited once all streams are closed and counted, before the process may end."""

    def __new__(cls, registry: CollectorRegistry = REGISTRY, *, sink: Sink | None = None) -> Self:
        """Return the metrics of a registry, made at the first call."""
        with _MAKING:
            found = getattr(registry, "_sse_observe", None)
            if not isinstance(found, cls):
                found = super().__new__(cls)
                found._fill(registry, sink)
                registry._sse_observe = found  # type: ignore[attr-defined]  # noqa: SLF001
            return found

    def _fill(self, registry: CollectorRegistry, sink: Sink | None) -> None:
        self.registry = registry
        self.before_scrape = []
        self.at_shutdown = []
        self.directory = shared_directory()
        self._sign: _SIGN | None = None
        self._attached: dict[type, object] = {}
        self._zeroed: set[tuple[str, ...]] = set()
        self._facts: list[tuple[str, float, tuple[str, ...]]] = []
        self._waiting: list[tuple[Metric, Mapping[str, Sequence[str]]]] = []
        self._serves_in: int | None = None
        is_shared = self.directory is not None
        if is_shared:
            take_room_first()
        self._sink = sink or PrometheusSink(registry, self.before_scrape, is_shared=is_shared)
        # Whoever only reads what others count leaves no trace among their files.
        self._has_begun = sink is not None or not is_shared
        self.state("sse_build_info", 1, package_version())
        self.state("sse_start_time_seconds", time.time())
        for metric in METRICS.values():
            if metric.at_zero and not metric.labels:
                self._create(metric, {})
        faults = METRICS["sse_observer_faults_total"]
        self._create(faults, faults.labels)

    def join(self) -> None:
        """Take part in the counting, of several processes too; called where it is set up."""
        if self.directory is not None:
            try:
                liveness.hold(self.directory)
            except OSError as error:
                # Read-only: `serve` says so. Else nobody can see that this process has ended.
                _LOGGER.warning("%s: no lock: %s", self.directory, error)

    def serve(self) -> None:
        """
        Begin to count in this process, which serves; asked at each tick, it costs nothing.

        By now the application has defined all metrics of its own, and this process may be the
        child of one that has only loaded it.
        """
        if self._serves_in == os.getpid():
            return
        with _MAKING:
            is_first = self._serves_in is None
            self._serves_in = os.getpid()
            if is_first:
                self.join()
                self._check_directory()
                self._show()
                self._has_begun = True
                waiting, self._waiting = self._waiting, []
                for metric, labels in waiting:
                    self._create(metric, labels)
            for name, value, of in self._facts:
                self.gauge(name, *of).set(value)

    def _show(self) -> None:
        if isinstance(self._sink, PrometheusSink):
            try:
                self._sink.show()
            except OSError as error:
                text = "%s: %s; this process counts nothing until it starts anew; make room there"
                _LOGGER.error(text, self.directory, error.strerror)  # noqa: TRY400
                self._sink = Nowhere()

    def _check_directory(self) -> None:
        if self.directory is None:
            if is_one_of_many() and is_the_first():
                _LOGGER.warning(
                    "several workers, and %s is not set: each scrape sees one of them, and "
                    "counters jump; set it to an empty directory before the server starts",
                    MULTIPROC_DIR,
                )
        elif not os.access(self.directory, os.W_OK):
            _LOGGER.error(
                "%s: %s may not be written by this process, so its streams are not counted; "
                "let the server's user write there",
                MULTIPROC_DIR,
                self.directory,
            )
            self._sink = Nowhere()
        elif not getattr(ValueClass, "_multiprocess", True):
            _LOGGER.error(
                "%s was set after prometheus_client was loaded, so this process counts for itself "
                "and is not scraped; set it in the environment of the server",
                MULTIPROC_DIR,
            )

    def counter(self, name: str, *labels: str) -> Counter:
        """Return one series of a counter; KeyError where no counter has that name."""
        return self._place().counter(name, *labels)

    def gauge(self, name: str, *labels: str) -> Gauge:
        """Return one series of a gauge; KeyError where no gauge has that name."""
        return self._place().gauge(name, *labels)

    def histogram(self, name: str, *labels: str) -> Histogram:
        """Return one series of a histogram; KeyError where no histogram has that name."""
        return self._place().histogram(name, *labels)

    def _place(self) -> Sink:
        if not self._has_begun:
            self.serve()
        return self._sink

    def sign_report_tokens_with(self, sign: _SIGN) -> None:
        """Let `sign(route, user_segment, network_type, receipt)` make the tokens of reports."""
        self._sign = sign

    @property
    def takes_reports(self) -> bool:
        """Whether somebody takes the beacon reports of clients."""
        return self._sign is not None

    def report_token(
        self, route: str, user_segment: str, network_type: str, receipt: Receipt
    ) -> str | None:
        """Return a token for the beacon reports of one connection; None where none are taken."""
        if self._sign is None:
            return None
        return self._sign(route, user_segment, network_type, receipt)

    def state(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge that stays as it is for the life of the process."""
        self._facts.append((name, value, labels))
        if self._has_begun:
            self.gauge(name, *labels).set(value)

    def attach(self, kind: type[T], make: Callable[[], T]) -> T:
        """Return the one `kind` that belongs to these metrics, made at the first call."""
        with _MAKING:
            found = self._attached.get(kind)
            if not isinstance(found, kind):
                found = self._attached[kind] = make()
            return found

    def find(self, kind: type[T]) -> T | None:
        """Return the `kind` that belongs to these metrics, or None where nobody has made it."""
        found = self._attached.get(kind)
        return found if isinstance(found, kind) else None

    def zero(self, route: str, source: Source = "server", *, events: Sequence[str] = ()) -> None:
        """
        Create a route's series of one source at 0, or those of an upstream, once.

        `increase()` does not see the first event of a series that begins at 1.
        """
        if (route, source) in self._zeroed:
            return
        self._zeroed.add((route, source))
        for metric in METRICS.values():
            if not metric.at_zero or "where" in metric.labels:
                continue
            labels = dict(metric.labels)
            for name in ("route", "upstream"):
                if name in labels:
                    labels[name] = (route,)
            if "seen_by" in labels:
                labels["seen_by"] = tuple(
                    who for who in labels["seen_by"] if metric.source_of(seen_by=who) == source
                )
            elif metric.source != source:
                continue
            if "event" in labels:
                labels["event"] = tuple(dict.fromkeys((*labels["event"], *events)))
            self._create(metric, labels)

    def zero_segment(
        self, route: str, user_segment: str, network_type: str, source: Source = "server"
    ) -> None:
        """
        Create the series of one (segment, network) of a route at 0, once.

        They begin when the first such stream opens. Opened and closed begin together, so the
        first event that both miss cancels out.
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
                self._create(metric, {**metric.labels, **known})

    def _create(self, metric: Metric, labels: Mapping[str, Sequence[str]]) -> None:
        if not self._has_begun:
            self._waiting.append((metric, labels))
            return
        make: Callable[..., Counter | Gauge | Histogram] = getattr(self, metric.kind)
        for values in product(*(labels[name] for name in metric.labels)):
            make(metric.name, *values)


@cache
def default_metrics() -> SSEMetrics:
    """Return the metrics of prometheus_client's default registry, made on first use."""
    return SSEMetrics()


def chosen_metrics(
    metrics: object, where: str, remedy: str = "give SSEMetrics(registry), or nothing"
) -> SSEMetrics:
    """Return the metrics that `where` was given, or the default ones; SettingsError for others."""
    if metrics is None:
        return default_metrics()
    if not isinstance(metrics, SSEMetrics):
        kind = type(metrics).__name__
        raise SettingsError(f"{where}: metrics is of type {kind}, not SSEMetrics; {remedy}")
    return metrics
