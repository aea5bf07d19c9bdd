"""Rulers that restart, and evaluations that fail: no alert fires or resolves for it."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from sse_observe.catalog.durations import seconds
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.render.groups import Rules
from sse_observe.render.settings import Settings
from tests.support import judgement
from tests.support.judgement import (
    ALERTS,
    PACES,
    STEP,
    Ruled,
    evaluated,
    judge_service,
    undisturbed,
)
from tests.support.schedule import Missed, Pace, nothing_missed
from tests.support.services import CASES, END, FAULT

pytestmark = pytest.mark.slow

GROUPS = sorted({pace.group for pace in PACES.values()})
AWAY = 90.0


def restarts(_group: str, at: float) -> bool:
    """Say whether all groups are away: a ruler restarts now and then, and takes its time."""
    return any(begin <= at < begin + AWAY for begin in range(450, END, 900))


def one_fails(rank: int) -> Missed:
    """Let every third group miss one evaluation, again and again, each at another time."""

    def missed(group: str, at: float) -> bool:
        if group not in GROUPS or GROUPS.index(group) % 3 != rank:
            return False
        every = 600 if group.endswith("-slow") else 240
        width = 150 if group.endswith("-slow") else STEP
        return (at + 37 * GROUPS.index(group)) % every < width

    return missed


def spells(instants: Iterable[float], seen: list[float]) -> list[tuple[float, float]]:
    """Return the stretches of evaluations in which an alert fires without a break."""
    found: list[tuple[float, float]] = []
    fires = set(instants)
    for before, at in zip([-1.0, *seen], seen, strict=False):
        if at in fires:
            begun = found[-1][0] if found and found[-1][1] == before else at
            found = [*found[: -1 if begun != at else None], (begun, at)]
    return found


# One third of the groups by turns, each day another; the others where everything is proven.
TODAY = datetime.now(UTC).toordinal() % 3


@pytest.mark.parametrize(
    "missed",
    [
        pytest.param(restarts, id="restart"),
        *(
            pytest.param(one_fails(rank), id=name, marks=[] if rank == TODAY else pytest.mark.prove)
            for rank, name in enumerate("abc")
        ),
    ],
)
def test_missed_evaluation_changes_no_alert(missed: Missed, prometheus: Prometheus) -> None:
    """The same alerts fire, each in as many spells, and at most some evaluations later."""
    disturbed = evaluated(prometheus, missed)

    for job in CASES:
        judge_service(job, disturbed.fired)
    seen = [float(at) for at in range(0, END + 1, STEP) if not missed("alerts", at)]
    for name in ALERTS:
        for job, instants in undisturbed(prometheus).fired[name].items():
            calm = spells(instants, [float(at) for at in range(0, END + 1, STEP)])
            rough = spells(disturbed.fired[name][job], seen)
            assert len(rough) == len(calm), (name, job)
            assert rough[0][0] - max(calm[0][0], FAULT) <= 2 * AWAY + 300, (name, job)


def test_records_of_an_interval_ago_raise_the_same_alerts(
    prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with vmalert and Grafana's own alerting: no rule sees what its group has just recorded."""
    monkeypatch.setattr(judgement, "schedule", each_before_what_it_reads)
    late = evaluated(prometheus, nothing_missed, Ruled(Settings()))

    for job in CASES:
        judge_service(job, late.fired, 5 * STEP)


def each_before_what_it_reads(rules: Rules, missed: Missed = nothing_missed) -> dict[str, Pace]:
    """Evaluate every record at a moment of its own, the last of the catalogue first."""
    rows = [(group, rule) for group in rules.recordings() for rule in group.rules]
    return {
        rule.record: Pace(seconds(group.interval), (len(rows) - rank) / 8, group.name, missed)
        for rank, (group, rule) in enumerate(rows)
    }
