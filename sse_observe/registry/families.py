"""
prometheus_client's metric families as we need them: no `_created` series, histograms that take
many observations at once, samples that are read one by one.

All knowledge of prometheus_client's inside; a test on the exposition holds the private names.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from time import time

import prometheus_client
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar, Sample


class LazySamples:
    """
    The samples of one family, made while they are read.

    A family of 50 routes has 1,700 samples; making them all at once would stop an event loop
    for longer than a scrape may.
    """

    def __init__(self, name: str, samples: Callable[[], Iterable[Sample]]) -> None:
        self._name = name
        self._samples = samples

    def __iter__(self) -> Iterator[Sample]:
        """Yield each sample under its full name."""
        for sample in self._samples():
            yield sample._replace(name=self._name + sample.name)


class _Lean:
    """Reads lazily and leaves out `_created`, which would double the price of every counter."""

    _name: str
    _get_metric: Callable[[], Metric]
    _samples: Callable[[], Iterable[Sample]]

    def collect(self) -> list[Metric]:
        metric = self._get_metric()
        metric.samples = LazySamples(self._name, self._samples)  # type: ignore[assignment]
        return [metric]

    def _child_samples(self) -> Iterable[Sample]:
        samples: Iterable[Sample] = super()._child_samples()  # type: ignore[misc]
        return [sample for sample in samples if sample.name != "_created"]


class Counter(_Lean, prometheus_client.Counter):
    """A counter."""


class Gauge(_Lean, prometheus_client.Gauge):
    """A gauge."""


class Histogram(_Lean, prometheus_client.Histogram):
    """A histogram that can take many observations at once."""

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


class BeforeScrape(Collector):
    """
    Runs hooks before the families of the same registry are read, and yields nothing itself.

    A registry collects in order of registration, so this is registered first. A scrape by
    `name[]` and multiprocess mode do not come by here.
    """

    def __init__(self, hooks: list[Callable[[], None]]) -> None:
        self._hooks = hooks

    def describe(self) -> list[Metric]:
        """Announce nothing, so that registering collects nothing."""
        return []

    def collect(self) -> list[Metric]:
        """Let everybody write down what is counted elsewhere."""
        for hook in self._hooks:
            hook()
        return []
