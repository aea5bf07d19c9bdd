"""Worst minutes of the window: when each signal was farthest beyond its limit, and where."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sse_observe.report.findings.episodes import severity_rank
from sse_observe.report.findings.limit_distance import LimitDistance
from sse_observe.report.window import Window

MOST_MINUTES = 6


@dataclass(frozen=True, slots=True)
class WorstMinute:
    """The worst point of one signal at one place, `seconds` wide."""

    at: float
    seconds: float
    distance: LimitDistance
    value: float

    @property
    def times_limit(self) -> float:
        """How many times its limit the signal was."""
        return self.distance.times(self.value)

    @property
    def rank(self) -> tuple[int, float, float]:
        """Order: the worst alert first, then the farthest beyond, then the earliest."""
        return (severity_rank(self.distance.alert.severity), -self.times_limit, self.at)


def worst_minutes(distances: Iterable[LimitDistance], window: Window) -> tuple[WorstMinute, ...]:
    """Return the worst points beyond a limit, one of each signal and place, the worst first."""
    found = (
        WorstMinute(worst.at, window.step, distance, worst.value)
        for distance in distances
        for worst in (distance.worst,)
        if distance.times(worst.value) > 1
    )
    return tuple(sorted(found, key=lambda one: one.rank)[:MOST_MINUTES])


def refine(minute: WorstMinute, finer: Iterable[LimitDistance]) -> WorstMinute:
    """Return the worst point of the same place in a finer answer; the same where it has none."""
    for distance in finer:
        if distance.labels == minute.distance.labels:
            points = distance.points
            spacing = points[1].at - points[0].at if len(points) > 1 else 60.0
            worst = distance.worst
            return replace(minute, at=worst.at, seconds=spacing, value=worst.value)
    return minute
