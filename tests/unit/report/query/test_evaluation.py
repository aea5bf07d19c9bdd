"""The evaluation of rules: how often it was, as seen in what they recorded."""

import math

import pytest

from sse_observe.catalog.signals.recordings import SIGNALS
from sse_observe.render.expressions import Expressions
from sse_observe.render.settings import Settings
from sse_observe.report.query.evaluation import SLOW, USUAL, evaluation
from tests.support.report_source import NOW, FakePrometheus, report_from


def times(gap: float) -> list[list[float]]:
    """Return when two series were recorded, at one interval."""
    return [[NOW + n * gap for n in range(4)]] * 2


@pytest.mark.parametrize(
    ("usual", "slow"),
    [(30, 150), (0.5, 2.5), (60, 150), (30, 30)],
    ids=["as in the settings", "shortened time", "seldom", "rules without slow ones"],
)
def test_counts_go_by_the_intervals_at_which_rules_were_evaluated(
    usual: float, slow: float
) -> None:
    """A report without the settings of its rules is not wrong by the factor between them."""
    settings = Settings()
    found = evaluation(settings, times(usual), times(slow))
    expressions = Expressions(settings, found.intervals)
    signals = {signal.record for signal in SIGNALS if signal.interval == "slow"}

    for recorded, seconds in ((USUAL, usual), (SLOW, slow)):
        assert expressions.interval(f"sum_over_time({recorded})") == seconds
    assert SLOW.partition("[")[0] in signals
    assert USUAL.partition("[")[0] not in signals
    assert found.until == NOW + 3 * usual


def test_intervals_that_nobody_recorded_are_those_of_the_settings() -> None:
    """An empty Prometheus says nothing about the rules."""
    found = evaluation(Settings(rule_interval="10s"), [], [])

    assert found.intervals == (10, 150)
    assert found.until == math.inf


def test_a_hair_off_the_settings_is_no_other_interval() -> None:
    """An evaluation that came a second late does not change what everything is multiplied by."""
    found = evaluation(Settings(), times(31), times(140))

    assert found.intervals == (30, 150)


def test_the_rules_own_interval_is_found_out() -> None:
    """Counts are sums over evaluations: without the rules' settings they are right all the same."""
    with FakePrometheus(spacing=10) as fake:
        report_from(fake, alert="SSEStreamsStalled")
        counted = [
            given["query"] for _, given in fake.asked if "sse_streams_lost" in given["query"]
        ]

    assert counted
    assert all("* 10)" in query for query in counted)
