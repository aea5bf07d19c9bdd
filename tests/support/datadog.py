"""
The part of Datadog that our queries need: runs of the real Agent check, kept and asked.

Counts are differences between two runs, gauges the last value, distributions are put together from
their buckets. Only the queries that we write are understood; another one is an error.
"""

import os
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

_MONOTONIC = 3
_GAUGE = 0
_TERM = re.compile(
    r"(?P<how>sum|max|min|avg|p\d+):(?P<metric>[\w.]+)\{(?P<scope>[^}]*)\}"
    r"(?: by \{(?P<by>[^}]*)\})?(?P<count>\.as_count\(\))?"
)
_MONITOR = re.compile(
    r"(?P<over>sum|avg|min|max|percentile)\(last_(?P<window>\w+)\):(?P<formula>.*) "
    r"(?P<compare>[<>]=?) (?P<line>[\d.]+)"
)
_SECONDS = {"m": 60, "h": 3600, "d": 86400}

Tags = frozenset[str]
Group = tuple[str, ...]


class Sample(NamedTuple):
    """One value of one series in one run; `bounds` of a bucket."""

    metric: str
    kind: str
    tags: Tags
    value: float
    bounds: tuple[float, float] | None = None


class Agent:
    """The real OpenMetrics check under a configuration of ours, and all that it submitted."""

    def __init__(self, config: Mapping[str, Any], address: str) -> None:
        # Its own tests refuse a tag that we rename.
        os.environ.setdefault("DDEV_SKIP_GENERIC_TAGS_CHECK", "1")
        # It takes a second to load.
        from datadog_checks.base.checks.openmetrics.v2.base import OpenMetricsBaseCheckV2
        from datadog_checks.base.stubs import aggregator

        self._aggregator = aggregator
        (instance,) = config["instances"]
        mine = {**instance, "openmetrics_endpoint": f"http://{address}/metrics"}
        self._check = OpenMetricsBaseCheckV2("openmetrics", config["init_config"], [mine])
        self.runs: list[tuple[float, list[Sample]]] = []

    def run(self, at: float) -> None:
        """Run the check once, at an instant of the test's own time."""
        self._aggregator.reset()
        error = self._check.run()
        assert error == "", error
        found = []
        for stubs in self._aggregator._metrics.values():
            for stub in stubs:
                kind = {_MONOTONIC: "count", _GAUGE: "gauge"}[stub.type]
                found.append(Sample(stub.name, kind, frozenset(stub.tags), stub.value))
        for buckets in self._aggregator._histogram_buckets.values():
            for stub in buckets:
                tags = (tag for tag in stub.tags if not tag.endswith("_bound"))
                tags = [tag for tag in tags if not re.match(r"(upper|lower)_bound:", tag)]
                bounds = float(stub.lower_bound), float(stub.upper_bound)
                found.append(
                    Sample(stub.name, "bucket", frozenset(tags), float(stub.value), bounds)
                )
        self.runs.append((at, found))

    def kinds(self) -> dict[str, str]:
        """Return what was submitted in the last run: each metric with its kind."""
        return {sample.metric: sample.kind for sample in self.runs[-1][1]}

    def tags(self, metric: str) -> set[str]:
        """Return the keys of a metric's tags."""
        samples = (sample for sample in self.runs[-1][1] if sample.metric == metric)
        return {tag.partition(":")[0] for sample in samples for tag in sample.tags}


class Query(NamedTuple):
    """One term of a query: what it needs to exist."""

    how: str
    metric: str
    scope: tuple[str, ...]
    by: Group
    counted: bool


def terms(text: str) -> list[Query]:
    """Return every term of a query or a formula."""
    return [_term(found) for found in _TERM.finditer(text)]


def _term(found: re.Match[str]) -> Query:
    return Query(
        found["how"],
        found["metric"],
        tuple(re.split(r" AND |,(?![^(]*\))", found["scope"])),
        tuple((found["by"] or "").split(",")) if found["by"] else (),
        counted=found["count"] is not None,
    )


def alerting(agent: Agent, monitor: str, at: float) -> set[Group]:
    """Return the groups for which a monitor's query is beyond its line at an instant."""
    asked = _MONITOR.fullmatch(monitor)
    assert asked, monitor
    window = int(asked["window"][:-1]) * _SECONDS[asked["window"][-1]]
    answers = [
        _answer(agent, term, at - window, at, asked["over"]) for term in terms(asked["formula"])
    ]
    groups = set.intersection(*({*answer} for answer in answers))
    beyond = set()
    for group in groups:
        values = iter([answer[group] for answer in answers])
        formula = _TERM.sub(lambda _, values=values: repr(next(values)), asked["formula"])
        assert re.fullmatch(r"[\d.e+\-*/() ]+", formula), formula
        try:
            value = eval(formula)  # noqa: S307  (numbers and arithmetic alone)
        except ZeroDivisionError:
            continue
        if eval(f"{value!r} {asked['compare']} {asked['line']}"):  # noqa: S307
            beyond.add(group)
    return beyond


def _answer(agent: Agent, term: Query, begin: float, end: float, over: str) -> dict[Group, float]:
    runs = [(at, samples) for at, samples in agent.runs if begin <= at <= end]
    if term.how.startswith("p"):
        return _quantiles(runs, term)
    if term.counted:
        found: dict[Group, float] = defaultdict(float)
        for sample, grown in _grown(runs, term):
            found[_group(sample, term)] += grown
        return dict(found)
    spread: dict[Group, list[float]] = defaultdict(list)
    for _, samples in runs:
        now: dict[Group, list[float]] = defaultdict(list)
        for sample in samples:
            if _meets(sample, term):
                now[_group(sample, term)].append(sample.value)
        for group, values in now.items():
            spread[group].append(_put_together(term.how, values))
    return {group: _put_together(over, values) for group, values in spread.items()}


def _put_together(how: str, values: list[float]) -> float:
    return {"sum": sum, "max": max, "min": min, "avg": lambda v: sum(v) / len(v)}[how](values)


def _grown(runs: list[tuple[float, list[Sample]]], term: Query) -> list[tuple[Sample, float]]:
    """Return by how much each series grew from run to run; a restart is no growth."""
    last: dict[object, float] = {}
    found = []
    for _, samples in runs:
        for sample in samples:
            if _meets(sample, term):
                key = (sample.tags, sample.bounds)
                found.append((sample, max(sample.value - last.get(key, sample.value), 0)))
                last[key] = sample.value
    return found


def _quantiles(runs: list[tuple[float, list[Sample]]], term: Query) -> dict[Group, float]:
    """Estimate a quantile of what was observed, evenly spread within each bucket."""
    grown: dict[Group, dict[tuple[float, float], float]] = defaultdict(lambda: defaultdict(float))
    for sample, more in _grown(runs, term):
        assert sample.bounds
        grown[_group(sample, term)][sample.bounds] += more
    found = {}
    for group, buckets in grown.items():
        rest = float(term.how[1:]) / 100 * sum(buckets.values())
        for (lower, upper), count in sorted(buckets.items()):
            if count and rest <= count:
                found[group] = (
                    lower if upper == float("inf") else lower + (upper - lower) * (rest / count)
                )
                break
            rest -= count
    return found


def _meets(sample: Sample, term: Query) -> bool:
    if sample.metric != term.metric:
        return False
    for word in term.scope:
        if " IN " in word:
            key, _, values = word.rstrip(")").partition(" IN (")
            if not sample.tags & {f"{key}:{value}" for value in values.split(",")}:
                return False
        elif word != "*" and (word.removeprefix("!") in sample.tags) == word.startswith("!"):
            return False
    return True


def _group(sample: Sample, term: Query) -> Group:
    values = dict(tag.split(":", 1) for tag in sample.tags)
    return tuple(f"{label}:{values.get(label, 'N/A')}" for label in term.by)
