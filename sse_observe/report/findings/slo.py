"""What was kept of the promise in the window: completion, objective and error budget by route."""

from collections.abc import Mapping
from dataclasses import dataclass

from sse_observe.catalog.signals.completion import completed_over, completion, lost_over
from sse_observe.report.query.answer import Answer
from sse_observe.report.query.batch import Question
from sse_observe.report.query.builder import Wording
from sse_observe.report.query.window import Window

# As many routes as an application exports, and the series of `other`.
_MOST = 50
_LOST = lost_over("<< range >>", "route")
_COMPLETED = completed_over("<< range >>", "route")
_LEFT = "min by (route) (route:sse_error_budget:ratio_left)"


@dataclass(frozen=True, slots=True)
class Promise:
    """One route against its objective; None where nothing was recorded."""

    route: str
    completed: float
    lost: float
    objective: float
    left_before: float | None
    left_after: float | None

    @property
    def completion(self) -> float | None:
        """The share of ended streams that completed in the window."""
        return completion(self.completed, self.lost)

    @property
    def kept(self) -> bool:
        """Whether the objective was met within the window."""
        return self.completion is None or self.completion >= self.objective


def questions(wording: Wording, window: Window) -> dict[str, Question]:
    """Ask for counts over the window and for what was left of the budget at both ends."""

    def ask(name: str, expr: str, at: float = window.end) -> Question:
        return Question(f"Promise: {name}", wording.of(f"topk({_MOST}, {expr})"), at=at)

    return {
        "lost": ask("streams lost", f"{_LOST} * << interval >>"),
        "completed": ask("streams completed", f"{_COMPLETED} * << interval >>"),
        "objective": ask(
            "objective",
            "max by (route) (last_over_time(route:sse_completion_objective:ratio[<< range >>]))",
        ),
        "before": ask("budget left before", _LEFT, window.start),
        "after": ask("budget left after", _LEFT),
    }


def promises(
    asked: Mapping[str, Question], answers: Mapping[Question, Answer], objective: float
) -> tuple[Promise, ...]:
    """
    Return each route with its verdict, the farthest below its objective first.

    None where either count is unknown: without what was lost, everything would be well.
    """
    if not all(answers[asked[count]].answered for count in ("lost", "completed")):
        return ()
    values = {
        name: {series.labels.get("route", ""): series.last for series in answers[question].series}
        for name, question in asked.items()
    }
    routes = sorted({*values["completed"], *values["lost"]})
    found = [
        Promise(
            route=route,
            completed=values["completed"].get(route, 0.0),
            lost=values["lost"].get(route, 0.0),
            objective=values["objective"].get(route, objective),
            left_before=values["before"].get(route),
            left_after=values["after"].get(route),
        )
        for route in routes
    ]
    return tuple(sorted(found, key=_shortfall, reverse=True))


def _shortfall(promise: Promise) -> float:
    return promise.objective - (1.0 if promise.completion is None else promise.completion)
