"""
prometheus_client's metric families as we need them: no `_created` series, histograms that take
many observations at once, samples and text that are made one series at a time.

All knowledge of prometheus_client's inside; tests on the exposition hold the private names.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from time import time
from typing import Protocol

import prometheus_client
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Exemplar, Sample
from prometheus_client.utils import floatToGoString

go_string: Callable[[float], str] = floatToGoString
"""A number as an exposition writes it."""
Names = frozenset[str] | None
"""The names of the samples that are asked for; None for all."""


class LazySamples:
    """
    The samples of one family, made while they are read.

    A family of 50 routes has 1,700 samples; making them all at once would stop an event loop
    for longer than a scrape may.
    """

    def __init__(self, samples: Callable[[], Iterable[Sample]]) -> None:
        self._samples = samples

    def __iter__(self) -> Iterator[Sample]:
        """Yield each sample under its full name."""
        return iter(self._samples())


class Source(Protocol):
    """The samples of one family, and their text."""

    def samples(self) -> Iterator[Sample]:
        """Yield each sample."""

    def text(self, *, exemplars: bool) -> Iterator[str]:
        """Yield the lines of some series at a time, with their exemplars or without."""


class LazyMetric(Metric):
    """
    One family as it is collected; whoever knows `text` needs no samples.

    Its lines are those that prometheus_client writes, and what has not changed since the last
    time is not written again.
    """

    def __init__(
        self, name: str, documentation: str, kind: str, source: Source, names: Names = None
    ) -> None:
        super().__init__(name, documentation, kind)
        self._source = source
        self._names = names
        self.samples = LazySamples(self._read)  # type: ignore[assignment]

    def _read(self) -> Iterator[Sample]:
        for sample in self._source.samples():
            if self._names is None or sample.name in self._names:
                yield sample

    def text(self, *, exemplars: bool) -> Iterator[str]:
        """Yield the lines of its samples, some at a time."""
        for lines in self._source.text(exemplars=exemplars):
            if self._names is None:
                yield lines
            else:
                # Not `splitlines`: a label's value may hold what else ends a line.
                every = (f"{line}\n" for line in lines.split("\n")[:-1])
                yield "".join(line for line in every if self._asks(line))

    def _asks(self, line: str) -> bool:
        return self._names is not None and re.split("[{ ]", line, maxsplit=1)[0] in self._names

    def _restricted_metric(self, names: Iterable[str]) -> "LazyMetric | None":
        """Return what is left of the family for whoever asks for some samples by name."""
        asked = LazyMetric(self.name, self.documentation, self.type, self._source, frozenset(names))
        return asked if next(asked._read(), None) is not None else None


def line_of(sample: Sample, *, exemplars: bool) -> str:
    """Return a sample's whole line."""
    case = _exemplar(sample.exemplar) if exemplars and sample.exemplar else ""
    return f"{head_of(sample.name, sample.labels)}{go_string(sample.value)}{case}\n"


def head_of(name: str, labels: Mapping[str, str]) -> str:
    """Return a sample's line up to its value."""
    return f"{name}{_in_braces(labels)} " if labels else f"{name} "


def _in_braces(labels: Mapping[str, str]) -> str:
    pairs = (f'{label}="{_escaped(labels[label])}"' for label in sorted(labels))
    return f"{{{','.join(pairs)}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


class _Series:
    """A family of prometheus_client's, which like it is the family and each of its series."""

    _name: str
    _get_metric: Callable[[], Metric]
    _samples: Callable[[], Iterable[Sample]]
    _labelnames: Sequence[str]
    _labelvalues: tuple[str, ...]
    _is_parent: Callable[[], bool]

    def collect(self) -> list[Metric]:
        """Return what a registry asks for."""
        known = self._get_metric()
        return [LazyMetric(known.name, known.documentation, known.type, self)]

    def samples(self) -> Iterator[Sample]:
        """Yield each sample; without `_created`, which would double the price of every counter."""
        for sample in self._samples():
            if sample.name != "_created":
                yield sample._replace(name=self._name + sample.name)

    def text(self, *, exemplars: bool) -> Iterator[str]:
        """Yield the lines of each series."""
        if self._is_parent():
            each: list[_Series] = list(vars(self)["_metrics"].values())
            for series in each:
                yield series.lines(exemplars=exemplars)
        else:
            yield self.lines(exemplars=exemplars)

    def lines(self, *, exemplars: bool) -> str:
        """Return the lines of this one series."""
        raise NotImplementedError

    def _head(self, suffix: str = "", **more: str) -> str:
        labels = dict(zip(self._labelnames, self._labelvalues, strict=True))
        return head_of(self._name + suffix, {**labels, **more})


class Counter(_Series, prometheus_client.Counter):
    """A counter."""

    _start: str | None = None
    _shown: float | None = None
    _line = ""

    def lines(self, *, exemplars: bool) -> str:  # noqa: ARG002 - ours have none
        """Return its line; most have not moved since the last time."""
        value = self._value.get()
        if value != self._shown:
            self._start = self._start or self._head("_total")
            self._line = f"{self._start}{go_string(value)}\n"
            self._shown = value
        return self._line


class Gauge(_Series, prometheus_client.Gauge):
    """A gauge."""

    _start: str | None = None

    def lines(self, *, exemplars: bool) -> str:  # noqa: ARG002 - a gauge has none
        """Return its line."""
        self._start = self._start or self._head()
        return f"{self._start}{go_string(self._value.get())}\n"


class Histogram(_Series, prometheus_client.Histogram):
    """A histogram that can take many observations at once."""

    _starts: tuple[str, ...] = ()
    _shown: list[object] | None = None
    _written = ""

    def add(self, counts: Sequence[int], total: float) -> None:
        """
        Add observations that were counted elsewhere.

        `counts` holds one number per bucket, not cumulative, the last one for +Inf;
        `total` is the sum of the observed values.
        """
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        self._sum.inc(total)

    def exemplify(self, value: float, labels: Mapping[str, str]) -> None:
        """Let the bucket of a value that is counted elsewhere point at one case of it."""
        bucket = self._buckets[bisect_left(self._upper_bounds, value)]
        bucket.set_exemplar(Exemplar(dict(labels), value, time()))

    def lines(self, *, exemplars: bool) -> str:
        """Return its lines: cumulative buckets, count and sum."""
        values = [bucket.get() for bucket in self._buckets]
        total = self._sum.get()
        cases = [bucket.get_exemplar() for bucket in self._buckets] if exemplars else []
        state: list[object] = [*values, total, *cases]
        if state != self._shown:
            self._written = self._write(values, total, cases)
            self._shown = state
        return self._written

    def _write(
        self, values: Sequence[float], total: float, cases: Sequence[Exemplar | None]
    ) -> str:
        if not self._starts:
            bounds = [go_string(bound) for bound in self._upper_bounds]
            buckets = [self._head("_bucket", le=bound) for bound in bounds]
            self._starts = (*buckets, self._head("_count"), self._head("_sum"))
        sofar, numbers = 0.0, []
        for value in values:
            sofar += value
            numbers.append(go_string(sofar))
        numbers += [numbers[-1], go_string(total)]
        for at, case in enumerate(cases):
            if case is not None:
                numbers[at] += _exemplar(case)
        return "".join(
            f"{start}{number}\n" for start, number in zip(self._starts, numbers, strict=True)
        )


def _exemplar(case: Exemplar) -> str:
    timestamp = "" if case.timestamp is None else f" {case.timestamp}"
    return f" # {_in_braces(case.labels)} {go_string(case.value)}{timestamp}"
