"""Raw metrics to alerts: services with one fault each, judged by a real Prometheus."""

import pytest

from sse_observe.lab.programs.prometheus import Prometheus
from tests.support.judgement import (
    RECORDED,
    SIGNALS,
    World,
    evaluated,
    judge_blackout,
    judge_leak,
    judge_service,
    judge_signal,
)
from tests.support.services import CASES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(prometheus: Prometheus) -> World:
    """Return what Prometheus makes of all services."""
    return evaluated(prometheus)


@pytest.mark.parametrize("job", CASES)
def test_service_raises_exactly_the_alerts_that_its_fault_means(world: World, job: str) -> None:
    """Nothing is missed, nothing else fires, and nothing fires before the fault."""
    judge_service(job, world.fired)


def test_no_alert_without_a_service(world: World) -> None:
    """Whatever fires has a job that is ours."""
    assert {job for jobs in world.fired.values() for job in jobs} <= set(CASES)


@pytest.mark.parametrize("record", SIGNALS)
def test_signal_obeys_the_laws(world: World, record: str) -> None:
    """Its labels are declared, never NaN, absent where idle, steady, additive, never missing."""
    judge_signal(record, world.recorded[record], world)


def test_blackout_is_named(prometheus: Prometheus) -> None:
    """A job that goes is named; where nothing ever was, one alert without a job says so."""
    judge_blackout(prometheus, RECORDED)


def test_more_open_streams_than_arrivals_explain_are_a_leak(prometheus: Prometheus) -> None:
    """A slow leak is found within hours; a healthy route never, and a young one has no verdict."""
    judge_leak(prometheus, RECORDED)
