"""The runbooks' queries while their alert fires: answers about what fires, and no other."""

import re

import pytest

from sse_observe.lab.programs.prometheus import Prometheus, Sample
from sse_observe.render.runbooks import runbooks
from sse_observe.render.settings import Settings
from tests.support.history import STALE
from tests.support.judgement import ALERTS, CATALOG, World, undisturbed
from tests.support.services import CASES, END

pytestmark = pytest.mark.slow

RUNBOOKS = runbooks(CATALOG, Settings())
QUERY = re.compile(r"^ *```promql\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# These compare with all routes on purpose, or are about jobs that no series names any more.
WIDE = {
    "sort_desc(route:sse_error_events:ratio_rate10m > 0)",
    "sort_desc(route:sse_streams_empty:ratio_rate10m > 0)",
    "route:sse_telemetry_instances:count",
    "up == 0",
}


def queries(alert: str) -> list[str]:
    """Return the queries of a runbook, without the alert's own expression."""
    return QUERY.findall(RUNBOOKS[f"runbooks/{alert}.md"].split("\n## Impact\n")[1])


@pytest.fixture(scope="module")
def world(prometheus: Prometheus) -> World:
    """Return the services, with the series that Prometheus writes of each alert that fires."""
    world = undisturbed(prometheus)
    for name, jobs in world.fired.items():
        for job, instants in jobs.items():
            places = {"route": "r", "target": "t", "module": "m", "upstream": "u"}
            own = {label: place for label, place in places.items() if label in labels_of(name)}
            labels = {"__name__": "ALERTS", "alertname": name, "alertstate": "firing"}
            ends = max(instants) + 30
            points = [(at, 1.0) for at in sorted(instants)]
            world.history.push([({**labels, **own, "job": job}, [*points, (ends, STALE)])])
    return world


def labels_of(alert: str) -> tuple[str, ...]:
    signals = {signal.record: signal for signal in CATALOG.signals}
    return signals[ALERTS[alert].signals()[0]].labels


def answer(world: World, query: str, at: float) -> list[Sample]:
    api = world.history.api
    assert isinstance(api, Prometheus)
    return api.query(query, world.history.start + at)


@pytest.mark.parametrize("alert", ALERTS)
def test_queries_answer_about_what_fires_alone(world: World, alert: str) -> None:
    """Two dozen rows of other routes send a tired reader to the largest, which is not the cause."""
    firing = {job for job in world.fired[alert] if alert in CASES[job].alerts}
    at = min(max(world.fired[alert][job]) for job in firing)
    here = {job for job in world.fired[alert] if at in world.fired[alert][job]}
    answered = 0
    for query in queries(alert):
        rows = answer(world, query, at)
        answered += bool(rows)
        if query.strip() not in WIDE:
            assert {row.labels["job"] for row in rows} <= here, query

    assert answered
    assert at <= END


@pytest.mark.parametrize("alert", ALERTS)
def test_every_query_narrows_to_what_fires(alert: str) -> None:
    """A line of each query says for which alert it is, but where the page compares with others."""
    for query in queries(alert):
        narrowed = f'ALERTS{{alertname="{alert}", alertstate="firing"}}' in query
        assert narrowed != (query.strip() in WIDE), query
