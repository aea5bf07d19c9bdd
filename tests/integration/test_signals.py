"""Raw metrics to alerts: services with one fault each, judged by a real Prometheus."""

from datetime import UTC, datetime

import pytest

from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.render.settings import Settings
from tests.support.detection import INTERVALS, committed, detected
from tests.support.judgement import (
    RECORDED,
    SIGNALS,
    Ruled,
    World,
    evaluated,
    judge_blackout,
    judge_leak,
    judge_service,
    judge_signal,
    undisturbed,
)
from tests.support.services import CASES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(prometheus: Prometheus) -> World:
    """Return what Prometheus makes of all services."""
    return undisturbed(prometheus)


# The longest, and by turns one of the others.
BY_TURNS = ("60s", ("20s", "30s", "45s", "5s")[datetime.now(UTC).toordinal() % 4])


@pytest.mark.parametrize(
    "interval",
    [
        *BY_TURNS,
        *(pytest.param(i, marks=pytest.mark.prove) for i in ("5s", "15s", "30s", "60s")),
    ],
)
def test_laws_hold_at_every_scrape_interval(prometheus: Prometheus, interval: str) -> None:
    """Each service raises its alerts and no other, each signal obeys its laws."""
    ruled = Ruled(Settings(scrape_interval=interval))
    world = evaluated(prometheus, ruled=ruled)

    for record, series in world.recorded.items():
        judge_signal(record, series, world)
    for job in CASES:
        judge_service(job, world.fired, ruled.slack)
    if interval in INTERVALS:
        judge_detection(interval, world)


def judge_detection(interval: str, world: World) -> None:
    """The table of the documents is true, to an evaluation."""
    table = committed(interval)

    assert table.keys() == world.ruled.alerts.keys()
    for alert, found in detected(world).items():
        assert abs(found.seconds - table[alert]) <= world.ruled.step, alert


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
