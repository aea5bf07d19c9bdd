"""
From plain numbers to the sink: counts written down as differences.

The same code serves one process and many: the sink decides where a number lives.
"""

from typing import Any

from sse_observe.registry.counts import Counts, Field
from sse_observe.registry.registry import SSEMetrics

_Key = tuple[str, ...]


class Flush:
    """
    The series of some counts, each found once.

    `shared` are the values of the labels that they share, in their order; the route comes first, or
    the upstream.
    """

    def __init__(self, metrics: SSEMetrics, counts: Counts, *shared: str) -> None:
        self._metrics = metrics
        self._counts = counts
        self._shared = dict(zip(counts.FIELDS.shared, shared, strict=True))
        self._shown = dict.fromkeys((one.name for one in counts.FIELDS.gauges), 0)
        self._series: dict[tuple[str, _Key], Any] = {}

    def write(self) -> None:
        """Write down everything since the last call; the caller holds what guards the counts."""
        counts, fields = self._counts, self._counts.FIELDS
        for one in fields.gauges:
            if change := getattr(counts, one.name) - self._shown[one.name]:
                self.series(one).inc(change)
                self._shown[one.name] += change
        if not counts.is_touched():
            return
        counts.complete()
        for one in fields.numbers:
            if amount := getattr(counts, one.name):
                self.series(one).inc(amount)
        for one in fields.keyed:
            for key, amount in getattr(counts, one.name).items():
                self.series(one, key).inc(amount)
        for one in fields.distributions:
            if found := getattr(counts, one.name):
                self.series(one).add(found.bins, found.total)
        counts.clear()

    def series(self, one: Field, key: _Key = ()) -> Any:
        """Return one series: a counter, gauge or histogram, as its metric is declared."""
        found = self._series.get((one.name, key))
        if found is None:
            make = getattr(self._metrics, one.metric.kind)
            found = self._series[one.name, key] = make(one.metric.name, *self._labels(one, key))
        return found

    def _labels(self, one: Field, key: _Key) -> list[str]:
        """Return the label values of a series that is written for the first time."""
        free = iter(key)
        known = {**self._shared, **one.fixed}
        labels = {name: known[name] if name in known else next(free) for name in one.metric.labels}
        # Its neighbours begin with it, at 0: a rate does not see the first event of any other.
        route = next(iter(self._shared.values()))
        self._metrics.zero(route, one.source)
        if "user_segment" in labels:
            segment, network = labels["user_segment"], labels["network_type"]
            self._metrics.zero_segment(route, segment, network, one.source)
        return list(labels.values())
