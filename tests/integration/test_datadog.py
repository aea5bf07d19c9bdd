"""Datadog as far as it can be proven here: the real Agent check, and the queries that we write."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from sse_observe.metrics import METRICS, SERVICE_METRICS
from tests.support.datadog import Agent, alerting, terms
from tests.support.exporter import Exporter, Series
from tests.support.rendered import default_target
from tests.support.servers import RawClient, serve_process
from tests.support.services import CASES, FAULT, Value, everything, histogram, rate

pytestmark = pytest.mark.slow

FILES = default_target("datadog")
CONFIG = yaml.safe_load(FILES["conf.d/openmetrics.d/conf.yaml"])
MONITORS = {
    name.removeprefix("monitors/").removesuffix(".json"): json.loads(text)
    for name, text in FILES.items()
    if name.startswith("monitors/")
}
# The four that every stack asks for, each with a service that raises it, and one that must not.
CROSSING = {
    "SSECompletionRateLow": "server-errors",
    "SSEHighReconnectLatency": "slow-reconnects",
    "SSEMessageLoss": "one-loss",
    "SSEHighDuplicateRate": "duplicates",
}
STEP = 60
OVER = FAULT + 3600


def queries() -> Iterator[str]:
    """Yield every query of every object."""
    for name, text in FILES.items():
        if name.endswith(".json"):
            yield from _queries(json.loads(text))


def _queries(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in ("query", "numerator", "denominator") and isinstance(value, str):
                yield value
            else:
                yield from _queries(value)
    elif isinstance(node, list):
        for value in node:
            yield from _queries(value)


def families() -> Series:
    """Return a service that exports every family, whatever the services of the proofs need."""
    found = dict(everything())
    for metric in SERVICE_METRICS.values():
        if metric.kind == "histogram" and not any(metric.name in name for name, _ in found):
            found |= histogram(metric.name, 0.1, rate(1))
    return found


@pytest.fixture(scope="module")
def agent() -> Agent:
    """Return what the check submits of a service that exports every family."""
    with Exporter(families()) as service:
        found = Agent(CONFIG, service.address)
        found.run(0)
    return found


def test_every_family_arrives(agent: Agent) -> None:
    """No family of a service is left out of the configuration, and each comes as its own kind."""
    kinds = agent.kinds()
    for metric in SERVICE_METRICS.values():
        short = metric.name.removesuffix("_total").removeprefix("sse_")
        if metric.kind == "counter":
            assert kinds[f"sse.{short}.count"] == "count"
        elif metric.kind == "histogram":
            assert kinds[f"sse.{short}"] == "bucket"
            assert kinds[f"sse.{short}.count"] == kinds[f"sse.{short}.sum"] == "count"
        else:
            assert kinds[f"sse.{short}"] == "gauge"


def test_every_query_names_what_is_submitted(agent: Agent) -> None:
    """Metric, kind and tags of each query exist: a slip would be an empty graph for ever."""
    kinds = agent.kinds()
    asked = [one for text in queries() for one in terms(text)]
    asked_names = {name for text in queries() for name in re.findall(r"\bsse\.[\w.]+", text)}

    assert len(asked) > 50
    assert asked_names <= kinds.keys()
    for one in asked:
        wanted = "bucket" if one.how.startswith("p") else "count" if one.counted else "gauge"
        if ".as_rate()" not in one.metric and kinds[one.metric] == "count":
            wanted = "count"
        assert kinds[one.metric] == wanted, one
        known = agent.tags(one.metric) | {"service", "host", "route"}
        keys = {
            re.split(r":| IN ", word.lstrip("!"))[0] for word in one.scope if word[0] not in "*$"
        }
        assert keys | {*one.by} <= known, one


def test_a_live_service_arrives_as_the_synthetic_one_does(agent: Agent) -> None:
    """Our own exposition, of a service with real streams: no family comes as another kind."""
    with serve_process("tests.apps.trace_app:app") as server:
        with RawClient(f"{server.url}/s?wait=0.01") as client:
            client.until_end()
        live = Agent(CONFIG, server.url.removeprefix("http://"))
        live.run(0)
    kinds, assumed = live.kinds(), agent.kinds()

    assert {name: assumed[name] for name in kinds} == kinds
    assert len(kinds) > 30
    assert {"service", "route", "reason"} <= live.tags("sse.streams_closed.count")


def test_the_reserved_tag_is_renamed(agent: Agent) -> None:
    """`version` would put ours on everything that the host reports."""
    assert "version" not in agent.tags("sse.build_info")
    assert "sse_version" in agent.tags("sse.build_info")
    assert "service" in agent.tags("sse.concurrent_streams")


@pytest.mark.parametrize("alert", CROSSING)
def test_a_monitor_crosses_and_recovers(alert: str) -> None:
    """Before its fault it is quiet, during it it alerts, afterwards it is quiet again."""
    (series,) = CASES[CROSSING[alert]].series.values()
    ask = MONITORS[alert]["query"]
    now = [0.0]
    with Exporter(repaired(series), clock=lambda: now[0]) as service:
        found = Agent(CONFIG, service.address)
        for minute in range(0, OVER + 7200, STEP):
            now[0] = float(minute)
            found.run(minute)
    states = {at: bool(alerting(found, ask, at)) for at, _ in found.runs if at >= STEP}

    assert not any(state for at, state in states.items() if at < FAULT)
    assert any(state for at, state in states.items() if FAULT <= at <= FAULT + 1200)
    assert not any(state for at, state in states.items() if at > OVER + 5400)
    (group,) = alerting(found, ask, next(at for at, state in states.items() if state))
    assert {"service:chat", "route:r"} <= {*group}


def repaired(series: Series) -> Series:
    """Return a service whose fault ends after an hour: it goes on as before the fault."""
    return {key: _repaired(key[0], value) for key, value in series.items()}


def _repaired(name: str, value: Value) -> Value:
    def at(now: float) -> float | None:
        last, before, earlier = value(OVER), value(FAULT - 1), value(FAULT - 61)
        if now <= OVER or last is None or before is None or earlier is None:
            return value(now)
        if METRICS.get(name) and METRICS[name].kind == "gauge":
            return before
        return last + (before - earlier) / 60 * (now - OVER)

    return at


def test_a_healthy_service_alerts_nobody(agent: Agent) -> None:
    """Every monitor over ninety minutes of a service without a fault."""
    (series,) = CASES["healthy"].series.values()
    now = [0.0]
    with Exporter(series, clock=lambda: now[0]) as service:
        found = Agent(CONFIG, service.address)
        for minute in range(0, 5400, STEP):
            now[0] = float(minute)
            found.run(minute)

    raised = {
        name for name, one in MONITORS.items() if alerting(found, one["query"], found.runs[-1][0])
    }
    assert raised == set()
