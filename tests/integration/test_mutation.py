"""
Slips of the pen in the rules: each must fail a law, a service or a case.

A mutant is recorded beside the true signal, under a name of its own, and so is what reads it; the
pushed history is shared.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from sse_observe.catalog.series import series_in
from sse_observe.lab.programs.prometheus import Prometheus
from tests.integration.test_rules import (
    name_of,
)
from tests.integration.test_rules import (
    test_alert_fires_beyond_its_line_after_its_time_and_recovers as judge_rule,
)
from tests.support.judgement import (
    ALERTS,
    DEFAULT,
    PACES,
    RECORDED,
    RULES,
    SIGNALS,
    World,
    firings,
    judge_blackout,
    judge_leak,
    judge_service,
    judge_signal,
    nameless,
    rename,
    undisturbed,
)
from tests.support.mutants import Mutant, mutants
from tests.support.services import CASES, END

pytestmark = pytest.mark.slow

ALERT_RULES = {name_of(rule): rule for rule in RULES.alert_rules()}
# What Prometheus refuses (HTTP 4xx) never loads: caught, like what a law refuses.
CAUGHT = (AssertionError, KeyError, OSError, LookupError)


@dataclass(frozen=True)
class Slip:
    """A mutant of one rule."""

    rule: str
    mutant: Mutant

    def __str__(self) -> str:
        """Say it on one line."""
        return f"{self.rule}: {self.mutant.slip}: {' '.join(self.mutant.expr.split())}"


def slips() -> Iterator[Slip]:
    """Yield every listed mutant of every rule, in order."""
    for record, expr in RECORDED.items():
        for mutant in mutants(expr):
            yield Slip(record, mutant)
    for name, rule in ALERT_RULES.items():
        for mutant in mutants(rule.expr):
            # Where both sides carry the same labels, `on` says what holds anyway.
            if mutant.slip != "matching" or _matters(rule.expr, mutant.expr):
                yield Slip(name, mutant)


def _matters(expr: str, changed: str) -> bool:
    """Whether the term that lost its `on` has other labels than the alert's own signal."""
    lines = zip(expr.split("\n"), changed.split("\n"), strict=True)
    [term] = [after for before, after in lines if before != after]
    own, other = (SIGNALS[series_in(text)[0]].labels for text in (expr, term))
    return own != other


def survives(slip: Slip, world: World, prometheus: Prometheus, number: int) -> bool:
    """Whether no judgement catches a mutant."""
    try:
        if slip.rule in ALERT_RULES:
            rule = replace(ALERT_RULES[slip.rule], expr=slip.mutant.expr)
            judge_rule(DEFAULT.settings.scrape_interval, rule, prometheus)
        else:
            judge_recording(slip, world, prometheus, number)
    except CAUGHT:
        return False
    return True


def judge_recording(slip: Slip, world: World, prometheus: Prometheus, number: int) -> None:
    """Judge a changed signal by its laws, then what reads it, then what fires."""
    changed = {**RECORDED, slip.rule: slip.mutant.expr}
    judge_blackout(prometheus, changed) if "telemetry" in slip.rule else None
    if any(part in slip.rule for part in ("unexplained", "leaked", "duration_seconds:mean6h")):
        judge_leak(prometheus, changed)
    renamed: dict[str, str] = {}
    recorded = dict(world.recorded)
    for record, expr in changed.items():
        if record == slip.rule or renamed.keys() & set(series_in(expr)):
            shadow = f"{record}:slip{number}"
            answer = nameless(world.history.ask(rename(expr, renamed), END))
            recorded[record] = answer
            judge_signal(record, answer, replace(world, recorded=recorded))
            paces = {shadow: PACES[record]}
            world.history.record([(shadow, rename(expr, renamed))], END, paces=paces)
            renamed[record] = shadow
    fired = dict(world.fired)
    for name, alert in ALERTS.items():
        if renamed.keys() & {*alert.signals(), *alert.guard_signals()}:
            fired[name] = firings(world.history, alert, renamed)
    for job in CASES:
        judge_service(job, fired)


@pytest.fixture(scope="module")
def world(prometheus: Prometheus) -> World:
    """Return what Prometheus makes of the true rules."""
    return undisturbed(prometheus)


def judged(
    chosen: list[Slip], world: World, prometheus: Prometheus, report: pytest.CaptureFixture[str]
) -> list[str]:
    """Judge mutants, print the score, and return those that nothing caught."""
    left = [
        str(slip) for number, slip in enumerate(chosen) if survives(slip, world, prometheus, number)
    ]
    kinds = Counter(slip.mutant.slip for slip in chosen)
    with report.disabled():
        print(f"\n{len(chosen) - len(left)} of {len(chosen)} mutants caught: {dict(kinds)}")
    return left


def test_sampled_slips_are_caught(
    world: World, prometheus: Prometheus, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every kind of slip, in rules of every kind, fails a judgement."""
    assert judged(list(slips())[::12], world, prometheus, capsys) == []


@pytest.mark.prove
def test_every_slip_is_caught(
    world: World, prometheus: Prometheus, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each listed mutation of each rule fails a judgement: the score is 100 %."""
    everything = list(slips())

    assert len({slip.rule for slip in everything}) > 100
    assert judged(everything, world, prometheus, capsys) == []
