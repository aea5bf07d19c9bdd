"""
Plain numbers between two flushes, and the metric that each of them moves.

A field states its metric where it stands; slots, clearing and the flush follow from that. Knows
neither streams nor prometheus_client.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple

from sse_observe.metrics import METRICS, Metric, Source

Keyed = defaultdict[tuple[str, ...], int]
"""Numbers by the labels that a field does not know beforehand, in the metric's order."""


class Field(NamedTuple):
    """One field of some counts: its metric, and the labels that the field itself stands for."""

    name: str
    metric: Metric
    fixed: Mapping[str, str]

    @property
    def source(self) -> Source:
        """Return what feeds these series."""
        return self.metric.source_of(**self.fixed)


class _Moves(NamedTuple):
    metric: str
    fixed: Mapping[str, str]


def moves(metric: str, **fixed: str) -> Any:
    """Declare, in the body of a subclass of Counts, which metric a field moves."""
    return _Moves(metric, fixed)


class Distribution:
    """Observations of one histogram, counted by bucket, the last for +Inf, and their sum."""

    __slots__ = ("bins", "bounds", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.bins = [0] * (len(bounds) + 1)
        self.total = 0.0

    def __bool__(self) -> bool:
        """Tell whether anything was counted."""
        return bool(self.total) or any(self.bins)

    def add(self, value: float) -> None:
        """Count one observation."""
        self.bins[bisect_left(self.bounds, value)] += 1
        self.total += value


class _CountsType(type):
    """Turns what a class body declares by `moves` into slots and `FIELDS`."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], body: dict[str, Any], shared: tuple[str, ...] = ()
    ) -> "_CountsType":
        declared = {key: value for key, value in body.items() if isinstance(value, _Moves)}
        kept = {key: value for key, value in body.items() if key not in declared}
        kept["__slots__"] = (*declared, *body.get("__slots__", ()))
        made = super().__new__(cls, name, bases, kept)
        made.FIELDS = Fields(  # type: ignore[attr-defined]
            shared, [Field(key, METRICS[m.metric], m.fixed) for key, m in declared.items()]
        )
        return made


class Fields:
    """
    The fields of one class of counts, by how each is kept.

    A gauge is a number that no flush clears. A counter whose labels are all known is a number,
    any other a dictionary; a histogram is a Distribution. `shared` are the labels whose values
    all fields of one object have in common, the route first.
    """

    def __init__(self, shared: tuple[str, ...], fields: list[Field]) -> None:
        self.shared = shared
        counters = [one for one in fields if one.metric.kind == "counter"]
        self.gauges = [one for one in fields if one.metric.kind == "gauge"]
        self.numbers = [one for one in counters if not self._free(one)]
        self.keyed = [one for one in counters if self._free(one)]
        self.distributions = [one for one in fields if one.metric.kind == "histogram"]
        names = [one.name for one in (*self.numbers, *self.keyed, *self.distributions)]
        # `Counts` itself has none, and attrgetter wants two to return a tuple.
        self.values = attrgetter(*names) if len(names) > 1 else lambda _: ()

    def _free(self, one: Field) -> bool:
        return bool(set(one.metric.labels) - set(self.shared) - set(one.fixed))


class Counts(metaclass=_CountsType):
    """
    Counts that are not written down yet.

    A subclass declares its fields, each with `moves`, and names the labels that they share:
    `class RouteCounts(Counts, shared=("route",)): lost: int = moves("sse_message_loss_total", …)`.
    """

    FIELDS: ClassVar[Fields]

    def __init__(self) -> None:
        for gauge in self.FIELDS.gauges:
            setattr(self, gauge.name, 0)
        self.clear()

    def clear(self) -> None:
        """Begin anew, with everything written down; gauges go on showing what is now."""
        for number in self.FIELDS.numbers:
            setattr(self, number.name, 0)
        for keyed in self.FIELDS.keyed:
            setattr(self, keyed.name, defaultdict(int))
        for one in self.FIELDS.distributions:
            setattr(self, one.name, Distribution(one.metric.buckets))

    def is_touched(self) -> bool:
        """Tell whether anything is to be written down; idle counts cost next to nothing."""
        return any(self.FIELDS.values(self))

    def complete(self) -> None:
        """Fill in the fields that follow from others, before all are written down."""
