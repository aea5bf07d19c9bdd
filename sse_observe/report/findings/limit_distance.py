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
from sse_observe.report.query.answer import Answer, Points
from sse_observe.report.query.batch import Question
from sse_observe.report.query.builder import Wording
from sse_observe.report.query.window import Window

SPLIT = ("route", "network_type", "user_segment")
"""The labels that say who was affected; the user's grouping labels come after them."""

_MOST = 50
# A share of 100 % against a budget of 0.5 % is 200; beyond a thousand nobody compares any more.
_MOST_TIMES = 1000.0


@dataclass(frozen=True, slots=True)
class Excess:
    """One alert's signal at one place: its values, and the line that the alert draws."""

    alert: Alert
    unit: str
    limit: float
    labels: Mapping[str, str]
    points: Points

    def times(self, value: float) -> float:
        """Return how many times its threshold a value is; over 1 is beyond it."""
        if self.alert.compare in UPWARD:
            # Where any is too many, one is the measure.
            return min(value / (self.limit or 1.0), _MOST_TIMES)
        if self.unit == "ratio":
            return min((1 - value) / ((1 - self.limit) or 1.0), _MOST_TIMES)
        return min(self.limit / value, _MOST_TIMES) if value > 0 else _MOST_TIMES

    @property
    def worst(self) -> tuple[float, float]:
        """The time and the value that were farthest beyond."""
        return max(self.points, key=lambda point: self.times(point[1]))

    def within(self, window: Window) -> "Excess | None":
        """Return what lies in a shorter window; None where nothing does."""
        points = tuple(p for p in self.points if window.start <= p[0] <= window.end)
        return replace(self, points=points) if points else None


@dataclass(frozen=True, slots=True)
class Watch:
    """One alert's signal with its guards, and how to ask for it."""

    alert: Alert
    signal: Signal
    limit: float
    question: Question

    def over(self, window: Window) -> Question:
        """Ask the same over another window."""
        return replace(self.question, window=window)

    def found(self, answer: Answer) -> tuple[Excess, ...]:
        """Return the places of an answer."""
        return tuple(
            Excess(self.alert, self.signal.unit, self.limit, series.labels, series.points)
            for series in answer.series
        )


def watches(
    catalog: Catalog, settings: Settings, wording: Wording, window: Window, alerts: Iterable[Alert]
) -> tuple[Watch, ...]:
    """
    Return a watch for each alert whose signal can be compared by place.

    Guards stay in: a share of two streams is no finding. The alert's own limit is lifted, so that
    the places that are well are there to compare with.
    """
    expressions = Expressions(settings)
    signals = {signal.record: signal for signal in catalog.signals}
    found = []
    for alert in alerts:
        signal = signals[alert.signals()[0]]
        own = (label for label in SPLIT if label in signal.labels)
        split = tuple(dict.fromkeys((*own, *settings.group_by)))
        if alert.compare not in (*DOWNWARD, *UPWARD) or "route" not in split:
            continue
        low = alert.compare in DOWNWARD
        span = alert.windows[0] if alert.windows else None
        lifted = replace(alert, threshold=math.inf if low else -math.inf)
        guarded = " ".join(expressions.alert(lifted, signals, span).split())
        how, end = ("min", "bottomk") if low else ("max", "topk")
        expr = f"{end}({_MOST}, {how} by ({', '.join(split)}) ({guarded}))"
        question = Question(f"Signal of {alert.name}", wording.of(expr), window)
        found.append(Watch(alert, signal, alert.line(span), question))
    return tuple(found)
