"""Two bundles in one real Prometheus: neither reads the other's series, records or alerts."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sse_observe.asgi import App, Receive, Scope, Send, answer
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.lab.programs.server import Server
from sse_observe.render.bundle import render_to
from tests.support.programs import needs
from tests.support.rendered import settings_file
from tests.support.rule_health import punctual_rules
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

# Staging loses 2 % of its streams, where its bundle allows 10 %; production loses none, and may
# lose 0.1 %. A minute of the rules takes a second: their shortest interval, of 30 s, a half.
TEXT = (b"content-type", b"text/plain; version=0.0.4")
COMMON = "scrape_interval: 250ms\ntime_scale: 60\n"
OBJECTIVES = {"production": 0.999, "staging": 0.9}
LOST = {"production": 0.0, "staging": 0.02}
PAIR = (
    "alerts: {SSEErrorBudgetBurn: {windows: [{long: 1h, short: 5m, factor: 5, for: 2m,"
    " severity: critical}]}}\n"
)
SELECTORS = {
    "production": {"value": """'env="production"'""", "pattern": """'env!~"stag.*"'"""},
    "staging": {"value": """'env="staging"'""", "pattern": """'env=~"stag.*"'"""},
}
"""The selectors of the bundles: by a value, and by a pattern, which no record can carry."""


def exporter() -> App:
    """Serve the metrics of a service in each environment, whose counters grow with time."""
    began = time.monotonic()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        started = int((time.monotonic() - began) * 600)
        lines = (line for env in LOST for line in exposed(env, started))
        await answer(send, 200, "\n".join([*lines, ""]).encode(), TEXT)

    return app


def exposed(env: str, started: int) -> Iterator[str]:
    lost = int(started * LOST[env])
    here = f'env="{env}"'
    stream = f'{here},route="/chat",user_segment="all",network_type="unknown"'
    yield f'sse_build_info{{{here},version="1"}} 1'
    yield f'sse_route_info{{{here},route="/chat",kind="finite"}} 1'
    yield f'sse_concurrent_streams{{{here},route="/chat"}} 50'
    yield f'sse_streams_opened_total{{{stream},start="fresh"}} {started}'
    yield f'sse_streams_closed_total{{{stream},reason="completed"}} {started - lost}'
    yield f'sse_streams_closed_total{{{stream},reason="server_error"}} {lost}'


def test_a_bundle_never_sees_the_other_environment(tmp_path: Path) -> None:
    """Production's objective is not asked of staging, and no record is written twice."""
    rules = []
    for env, kinds in SELECTORS.items():
        for kind, selector in kinds.items():
            folder = tmp_path / env / kind
            folder.mkdir(parents=True)
            objective = f"objectives: {{completion: {OBJECTIVES[env]}}}\n"
            text = f"{COMMON}selector: {selector}\n{objective}{PAIR if env == 'staging' else ''}"
            files, *_ = render_to(folder, settings_file(folder, text))
            rules += [path for path in files if path.suffix == ".yaml"]
    with (
        Server(exporter()) as service,
        Prometheus(
            tmp_path / "prometheus",
            targets={"chat": [f"127.0.0.1:{service.port}"]},
            rules=rules,
            scrape_interval="250ms",
            rule_interval="250ms",
            program=needs("prometheus"),
        ) as prometheus,
    ):
        completions = "route:sse_stream_completion:ratio_rate1h"
        wait_until(lambda: len(prometheus.query(completions)) == 4, "the completion of all")
        # An hour of the rules passes in a minute: long enough for the shorter windows and `for`.
        time.sleep(10)
        completion = [round(sample.value, 2) for sample in prometheus.query(completions)]
        objectives = prometheus.query("route:sse_completion_objective:ratio")
        alerts = {alert.name for alert in prometheus.alerts()}
        # Each record comes from one group alone, which evaluates a moment once.
        written = prometheus.get("query", query='{__name__=~"route:.+"}[8s]')["result"]
        ill = [rule for rule in punctual_rules(prometheus) if rule.health == "err"]

    assert sorted(completion) == [0.98, 0.98, 1, 1]
    assert sorted(sample.value for sample in objectives) == [0.9, 0.9, 0.999, 0.999]
    assert ill == []
    assert not {"SSEErrorBudgetBurn", "SSECompletionRateLow"} & alerts
    assert max(len(series["values"]) for series in written) <= 8 / 0.5 + 1
