"""Whose fault it was: of the finite streams those that were good, and the others by cause."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sse_observe.report.query.batch import Answers, NamedQuery
from sse_observe.report.query.builder import QueryBuilder

NAME = "Whose fault: "
"""How the name of each query begins."""

_GOOD = "sum_over_time(route:sse_streams_good:rate5m[<< range >>])"
_FAILED = "sum_over_time(route:sse_streams_failed_by:rate5m[<< range >>])"
# Less than half a stream is what extrapolation leaves.
_LEAST = 0.5


@dataclass(frozen=True, slots=True)
class Causes:
    """Numbers of streams: those that were good, and those that failed by cause, most first."""

    good: float
    failed: Mapping[str, float]

    @property
    def whole(self) -> float:
        """All of them; users that stopped a stream are among the failed, as `user`."""
        return self.good + sum(self.failed.values())

    def share(self, number: float) -> float:
        """Return what share of all streams a number of them is."""
        return number / self.whole


class CauseQueries(NamedTuple):
    """Counts over the window."""

    good: NamedQuery
    failed: NamedQuery


def queries(builder: QueryBuilder, at: float) -> CauseQueries:
    """Ask for both counts, over the window that the builder has."""

    def ask(name: str, counted: str) -> NamedQuery:
        return NamedQuery(f"{NAME}{name}", builder.build(f"{counted} * << interval >>"), at=at)

    return CauseQueries(
        good=ask("good streams", f"sum ({_GOOD})"),
        # Feeds are never judged, and so never good.
        failed=ask("failed streams", f"sum by (cause) ({_FAILED} and on (route) {_GOOD})"),
    )


def causes(asked: CauseQueries, answers: Answers) -> Causes | None:
    """Return the counts; None where one is unknown, or nothing ended."""
    good, failed = (answers[query] for query in asked)
    if not (good.answered and failed.answered):
        return None
    by_cause = {series.labels.get("cause", ""): series.last for series in failed.series}
    most_first = sorted(by_cause.items(), key=lambda one: one[1], reverse=True)
    found = Causes(
        good=sum(series.last for series in good.series),
        failed={cause: number for cause, number in most_first if number >= _LEAST},
    )
    return found if found.whole >= _LEAST else None
