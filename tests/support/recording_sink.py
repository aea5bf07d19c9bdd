"""A sink that keeps what it is given: the other implementation of the protocol, for tests."""

from bisect import bisect_left
from collections import defaultdict
from itertools import accumulate
from math import inf

from prometheus_client.utils import floatToGoString

from sse_observe.metrics import METRICS


class Number:
    """One series of a counter or a gauge."""

    def __init__(self, kind):
        self.kind = kind
        self.value = 0.0

    def inc(self, amount=1):
        assert self.kind == "gauge" or amount >= 0, "a counter only grows"
        self.value += amount

    def set(self, value):
        assert self.kind == "gauge", "only a gauge is set"
        self.value = value


class Buckets:
    """The series of one histogram."""

    def __init__(self, bounds):
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value):
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add(self, counts, total):
        self.counts = [a + b for a, b in zip(self.counts, counts, strict=True)]
        self.total += total

    def exemplify(self, value, labels):
        pass


class RecordingSink:
    """Keeps every series by its name and labels."""

    def __init__(self):
        self.series = {}

    def _get(self, kind, name, labels):
        metric = METRICS[name]
        if metric.kind != kind:
            raise KeyError(name)
        assert len(labels) == len(metric.labels), f"{name}: {labels}"
        made = Buckets(metric.buckets) if kind == "histogram" else Number(kind)
        return self.series.setdefault((name, labels), made)

    def counter(self, name, *labels):
        return self._get("counter", name, labels)

    def gauge(self, name, *labels):
        return self._get("gauge", name, labels)

    def histogram(self, name, *labels):
        return self._get("histogram", name, labels)

    def samples(self):
        """Return every sample as prometheus_client would expose it: (name, labels) -> value."""
        found = defaultdict(float)
        for (name, labels), series in self.series.items():
            named = frozenset(zip(METRICS[name].labels, labels, strict=True))
            if isinstance(series, Number):
                found[name, named] = series.value
                continue
            found[f"{name}_sum", named] = series.total
            bounds = [*series.bounds, inf]
            for bound, count in zip(bounds, accumulate(series.counts), strict=True):
                found[f"{name}_bucket", named | {("le", floatToGoString(bound))}] = float(count)
            found[f"{name}_count", named] = float(sum(series.counts))
        return dict(found)
