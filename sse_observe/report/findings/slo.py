"""SLO compliance in the window: completion, objective and error budget by route."""

from dataclasses import dataclass
from typing import NamedTuple

from sse_observe.catalog.signals.completion import completed_over, completion, lost_over
from sse_observe.report.query.answer import Answer
from sse_observe.report.query.batch import Answers, NamedQuery
from sse_observe.report.query.builder import QueryBuilder
from sse_observe.report.window import Window

NAME = "SLO: "
"""How the name of each query begins."""

COUNTS = f"{NAME}streams"
"""How the names of those begin without which nobody knows what was lost."""

# As many routes as an application exports, and the series of `other`.
_MOST = 50
_LOST = lost_over("<< range >>", "route")
_COMPLETED = completed_over("<< range >>", "route")
_OBJECTIVE = "max by (route) (last_over_time(route:sse_completion_objective:ratio[<< range >>]))"
_BUDGET_LEFT = "min by (route) (route:sse_error_budget:ratio_left)"


@dataclass(frozen=True, slots=True)
class SLOCompliance:
    """One route against its objective; None where nothing was recorded."""

    route: str
    completed: float
    lost: float
    objective: float
    budget_left_before: float | None
    budget_left_after: float | None

    @property
    def completion(self) -> float | None:
        """The share of ended streams that completed in the window."""
        return completion(self.completed, self.lost)

    @property
    def met(self) -> bool:
        """Whether the objective was met within the window."""
        return self.completion is None or self.completion >= self.objective

    @property
    def shortfall(self) -> float:
        """How far completion is below the objective."""
        return self.objective - (1.0 if self.completion is None else self.completion)


class SLOQueries(NamedTuple):
    """Counts over the window, the objective, and what was left of the budget at both ends."""

    lost: NamedQuery
    completed: NamedQuery
    objective: NamedQuery
    budget_left_before: NamedQuery
    budget_left_after: NamedQuery


def queries(builder: QueryBuilder, window: Window) -> SLOQueries:
    """Ask for everything that compliance is made of, by route."""

    def ask(name: str, expr: str, at: float = window.end) -> NamedQuery:
        return NamedQuery(name, builder.build(f"topk({_MOST}, {expr})"), at=at)

    return SLOQueries(
        lost=ask(f"{COUNTS} lost", f"{_LOST} * << interval >>"),
        completed=ask(f"{COUNTS} completed", f"{_COMPLETED} * << interval >>"),
        objective=ask(f"{NAME}objective", _OBJECTIVE),
        budget_left_before=ask(f"{NAME}budget left before", _BUDGET_LEFT, window.start),
        budget_left_after=ask(f"{NAME}budget left after", _BUDGET_LEFT),
    )


def compliance(asked: SLOQueries, answers: Answers, objective: float) -> tuple[SLOCompliance, ...]:
    """
    Return each route, the farthest below its objective first.

    None where either count is unknown: without what was lost, everything would be well.
    `objective` holds where none was recorded.
    """
    if not (answers[asked.lost].answered and answers[asked.completed].answered):
        return ()
    lost, completed, objectives, before, after = (_by_route(answers[query]) for query in asked)
    found = [
        SLOCompliance(
            route=route,
            completed=completed.get(route, 0.0),
            lost=lost.get(route, 0.0),
            objective=objectives.get(route, objective),
            budget_left_before=before.get(route),
            budget_left_after=after.get(route),
        )
        for route in sorted({*completed, *lost})
    ]
    return tuple(sorted(found, key=lambda one: one.shortfall, reverse=True))


def _by_route(answer: Answer) -> dict[str, float]:
    return {series.labels.get("route", ""): series.last for series in answer.series}
