"""SLO compliance: the objective by route, and what is claimed where counts are missing."""

from sse_observe.report.findings.slo import SLOQueries, compliance
from sse_observe.report.query.answer import Answer
from sse_observe.report.query.batch import Answers, NamedQuery
from tests.support.report_findings import series

ASKED = SLOQueries(*(NamedQuery(name, "") for name in SLOQueries._fields))


def answers(**values: dict[str, float]) -> Answers:
    return {
        query: Answer(
            tuple(
                series({"route": route}, (0.0, value))
                for route, value in values.get(query.name, {}).items()
            )
        )
        for query in ASKED
    }


def test_the_route_farthest_below_its_objective_stands_first() -> None:
    """A route with its own objective is judged by it; one without streams met its own."""
    found = compliance(
        ASKED,
        answers(
            completed={"/a": 995, "/b": 90, "/c": 0},
            lost={"/a": 5, "/b": 10, "/c": 0},
            objective={"/a": 0.999},
        ),
        0.95,
    )

    assert [one.route for one in found] == ["/b", "/a", "/c"]
    assert [one.met for one in found] == [False, False, True]
    assert [one.completion for one in found] == [0.9, 0.995, None]
    assert [one.objective for one in found] == [0.95, 0.999, 0.95]


def test_without_both_counts_nothing_is_claimed() -> None:
    """A failed query for what was lost would let every route meet its objective."""
    known = answers(completed={"/a": 995})

    assert compliance(ASKED, {**known, ASKED.lost: Answer(answered=False)}, 0.995) == ()
    assert compliance(ASKED, {**known, ASKED.completed: Answer(answered=False)}, 0.995) == ()
    assert [one.completion for one in compliance(ASKED, known, 0.995)] == [1.0]
