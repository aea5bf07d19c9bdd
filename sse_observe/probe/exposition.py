"""A prober's outcomes as Prometheus text: one answer's, or everybody's."""

from collections.abc import Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from sse_observe.metrics import METRICS
from sse_observe.metrics.probe import RESULTS
from sse_observe.probe.budget import limits
from sse_observe.probe.outcome import Outcome
from sse_observe.probe.prober import Key, Prober
from sse_observe.registry import package_version

Family = GaugeMetricFamily | CounterMetricFamily
_TARGET = ("target", "module")


def one(key: Key, found: Outcome) -> bytes:
    """Return the metrics of one probe."""
    registry = CollectorRegistry()
    registry.register(_Outcomes({key: found}))
    return generate_latest(registry)


def registry_of(prober: Prober) -> CollectorRegistry:
    """Return the registry of a prober: its process, its counts, the outcomes of its schedule."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(_OfProber(prober))
    return registry


class _Outcomes(Collector):
    def __init__(self, outcomes: Mapping[Key, Outcome]) -> None:
        self._outcomes = outcomes

    def collect(self) -> Iterator[Family]:
        families = {name: _gauge(name, labels) for name, labels in _OUTCOME.items()}
        for key, found in self._outcomes.items():
            for name, more, value in _samples(found):
                families[name].add_metric([*key, *more], value)
        yield from (family for family in families.values() if family.samples)


_OUTCOME: Mapping[str, tuple[str, ...]] = {
    "sse_probe_success": _TARGET,
    "sse_probe_failure": (*_TARGET, "reason"),
    "sse_probe_duration_seconds": _TARGET,
    "sse_probe_phase_seconds": (*_TARGET, "phase"),
    "sse_probe_events": _TARGET,
    "sse_probe_gap_seconds": _TARGET,
    "sse_probe_held_back_seconds": _TARGET,
    "sse_probe_resume_success": _TARGET,
    "sse_probe_check": (*_TARGET, "check"),
    "sse_probe_certificate_expiry_timestamp_seconds": _TARGET,
    "sse_probe_last_run_timestamp_seconds": _TARGET,
}


def _samples(found: Outcome) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Yield the samples of an outcome: metric, further labels, value."""
    yield "sse_probe_success", (), found.success
    yield "sse_probe_duration_seconds", (), found.seconds
    yield "sse_probe_last_run_timestamp_seconds", (), found.began
    if found.reason is not None:
        yield "sse_probe_failure", (found.reason,), 1
    for phase, seconds in found.phases.items():
        yield "sse_probe_phase_seconds", (phase,), seconds
    for check, passed in found.checks.items():
        yield "sse_probe_check", (check,), passed
    if found.certificate_expires is not None:
        yield "sse_probe_certificate_expiry_timestamp_seconds", (), found.certificate_expires
    if found.resumed is not None:
        yield "sse_probe_resume_success", (), found.resumed
    if found.status:
        yield "sse_probe_events", (), found.events
        yield "sse_probe_gap_seconds", (), found.gap_seconds
        yield "sse_probe_held_back_seconds", (), found.held_back_seconds


class _OfProber(Collector):
    def __init__(self, prober: Prober) -> None:
        self._prober = prober

    def collect(self) -> Iterator[Family]:
        prober = self._prober
        # What only /probe asks for is exported there; here it would grow old.
        scheduled = {
            Key(one.name, one.module_name)
            for one in prober.loaded.targets.values()
            if one.target.interval is not None
        }
        yield from _Outcomes(
            {key: found for key, found in prober.outcomes.items() if key in scheduled}
        ).collect()
        runs = CounterMetricFamily(
            "sse_probe_runs_total",
            METRICS["sse_probe_runs_total"].help,
            labels=[*_TARGET, "result"],
        )
        for watched in prober.loaded.targets.values():
            key = Key(watched.name, watched.module_name)
            for result in RESULTS:
                runs.add_metric([*key, result], prober.runs[key, result])
        yield runs
        yield from self._budgets()
        yield _alone("sse_probe_running", prober.running)
        yield _alone("sse_probe_config_success", prober.config_ok)
        build = _gauge("sse_build_info", ("version",))
        build.add_metric([package_version()], 1)
        yield build

    def _budgets(self) -> Iterator[Family]:
        used = _gauge("sse_probe_budget_used", ("module", "unit"))
        limit = _gauge("sse_probe_budget_limit", ("module", "unit"))
        for name, module in self._prober.loaded.config.modules.items():
            if module.budget is not None:
                spent = self._prober.budgets.spent(name)._asdict()
                for unit, most in limits(module.budget).items():
                    used.add_metric([name, unit], spent[unit])
                    limit.add_metric([name, unit], most)
        yield from (family for family in (used, limit) if family.samples)


def _gauge(name: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, METRICS[name].help, labels=labels)


def _alone(name: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, METRICS[name].help, value=value)
