"""
How far each signal went beyond the threshold of the alert that watches it, by place and time.

The measure that makes unlike signals comparable: 1 is the alert's threshold, 10 is ten times it.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sse_observe.catalog.model import DOWNWARD, UPWARD, Alert, Catalog, Signal
from sse_observe.render.expressions import Expressions
from sse_observe.render.settings import Settings
from sse_observe.report.query.answer import Answer, Point, Points
from sse_observe.report.query.batch import NamedQuery
from sse_observe.report.query.builder import QueryBuilder
from sse_observe.report.window import Window

PLACE_LABELS = ("route", "network_type", "user_segment")
"""The labels that say who was affected; the user's grouping labels come after them."""

SIGNAL_OF = "Signal of"
"""How the name of each query begins; the alert's follows."""

_MOST = 50
# A share of 100 % against a budget of 0.5 % is 200; beyond a thousand nobody compares any more.
_MOST_TIMES = 1000.0


@dataclass(frozen=True, slots=True)
class LimitDistance:
    """One alert's signal at one place: its values, and the limit that the alert sets."""

    alert: Alert
    unit: str
    limit: float
    labels: Mapping[str, str]
    points: Points

    def times(self, value: float) -> float:
        """Return how many times its limit a value is; over 1 is beyond it."""
        if self.alert.compare in UPWARD:
            # Where any is too many, one is the measure.
            return min(value / (self.limit or 1.0), _MOST_TIMES)
        if self.unit == "ratio":
            return min((1 - value) / ((1 - self.limit) or 1.0), _MOST_TIMES)
        return min(self.limit / value, _MOST_TIMES) if value > 0 else _MOST_TIMES

    @property
    def worst(self) -> Point:
        """The point that was farthest beyond."""
        return max(self.points, key=lambda point: self.times(point.value))

    @property
    def worst_times(self) -> float:
        """How many times its limit the worst point was."""
        return self.times(self.worst.value)

    def within(self, window: Window) -> "LimitDistance | None":
        """Return what lies in a shorter window; None where nothing does."""
        points = tuple(point for point in self.points if window.contains(point.at))
        return replace(self, points=points) if points else None


@dataclass(frozen=True, slots=True)
class WatchedSignal:
    """One alert's signal with its guards, and how to ask for it."""

    alert: Alert
    signal: Signal
    limit: float
    query: NamedQuery

    def over(self, window: Window) -> NamedQuery:
        """Ask the same over another window."""
        return replace(self.query, window=window)

    def distances(self, answer: Answer) -> tuple[LimitDistance, ...]:
        """Return the places of an answer."""
        return tuple(
            LimitDistance(self.alert, self.signal.unit, self.limit, series.labels, series.points)
            for series in answer.series
        )


def watched_signals(
    catalog: Catalog,
    settings: Settings,
    builder: QueryBuilder,
    window: Window,
    alerts: Iterable[Alert],
) -> tuple[WatchedSignal, ...]:
    """
    Return the signal of each alert that can be compared by place.

    Guards stay in: a share of two streams is no finding. The alert's own limit is lifted, so that
    the places that are well are there to compare with.
    """
    expressions = Expressions(settings)
    signals = {signal.record: signal for signal in catalog.signals}
    found = []
    for alert in alerts:
        signal = signals[alert.signals()[0]]
        labels = _labels(signal, settings)
        if alert.compare not in (*DOWNWARD, *UPWARD) or "route" not in labels:
            continue
        low = alert.compare in DOWNWARD
        span = alert.windows[0] if alert.windows else None
        unlimited = replace(alert, threshold=math.inf if low else -math.inf)
        guarded = " ".join(expressions.alert(unlimited, signals, span).split())
        worst, first = ("min", "bottomk") if low else ("max", "topk")
        expr = f"{first}({_MOST}, {worst} by ({', '.join(labels)}) ({guarded}))"
        query = NamedQuery(f"{SIGNAL_OF} {alert.name}", builder.build(expr), window)
        found.append(WatchedSignal(alert, signal, alert.line(span), query))
    return tuple(found)


def _labels(signal: Signal, settings: Settings) -> tuple[str, ...]:
    own = (label for label in PLACE_LABELS if label in signal.labels)
    return tuple(dict.fromkeys((*own, *settings.group_by)))
