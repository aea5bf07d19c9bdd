"""The production checklist before a real service, a real Prometheus and what stands for Grafana."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, metrics_app
from sse_observe.catalog.load import load
from sse_observe.check.asking.exchange import Asking
from sse_observe.check.asking.question import Question
from sse_observe.check.doctor import Doctor
from sse_observe.check.model import Flag, Options
from sse_observe.check.production.point import Point
from sse_observe.check.production.run import Surroundings, assess, summary
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.reference import reference_app
from tests.apps.stream_apps import application
from tests.support.paths import ROOT
from tests.support.programs import needs
from tests.support.servers import serve

pytestmark = [pytest.mark.slow, pytest.mark.long]

FLAGS: frozenset[Flag] = frozenset({"resume", "hostile_cursors", "metrics"})
CATALOG = load()


def service():
    """Return the reference endpoint with metrics, whose clients have reported something."""
    metrics = SSEMetrics(CollectorRegistry())
    route = "/api/v1/stream"
    metrics.counter("sse_client_events_received_total", route, "4g").inc(100)
    metrics.counter("sse_ui_messages_shown_total", route, "waiting").inc()
    metrics.histogram("sse_reconnect_time_seconds", route, "4g").observe(1.5)
    observed = SSEObserveMiddleware(reference_app(), metrics=metrics)
    exposition = metrics_app(metrics)

    async def app(scope, receive, send):
        await (exposition if scope.get("path") == "/metrics" else observed)(scope, receive, send)

    return app


async def grafana(scope, receive, send):
    """Answer for the three boards, and serve the runbooks."""
    known = [f"/api/dashboards/uid/{board.uid}" for board in CATALOG.boards]
    found = scope["path"] in known or scope["path"].startswith("/runbooks/")
    head = {"type": "http.response.start", "status": 200 if found else 404, "headers": []}
    await send(head)
    await send({"type": "http.response.body", "body": json.dumps({"dashboard": {}}).encode()})


def points(base: str, path: str, **around: object) -> dict[str, Point]:
    """Return the points of a service by their words."""
    metrics = Question(url=f"{base}/metrics")
    options = Options(hold_seconds=15, flags=FLAGS, metrics=metrics)
    asking = Asking()
    found = asyncio.run(Doctor(Question(url=f"{base}{path}"), options, asking).run())
    surroundings = Surroundings(catalog=CATALOG, **around)  # type: ignore[arg-type]
    begun: list[str] = []
    given = asyncio.run(assess(found, surroundings, asking, repeat=False, begun=begun.append))
    assert begun == ["rules", "boards", "runbooks", "load", "slow link", "cut, and back", "poll"]
    return {point.text: point for point in given}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return a real Prometheus with the bundle's rules, their runbooks on a real address."""
    program = needs("prometheus")
    home = tmp_path_factory.mktemp("production")
    with serve(grafana) as pages:
        files = []
        for name in ("sse-recording-rules.yaml", "sse-alerts.yaml"):
            text = (ROOT / "alerts" / name).read_text()
            lines = [
                f"runbook_url: {pages}/runbooks/x.md".join([line.partition("runbook_url")[0], ""])
                if "runbook_url:" in line
                else line
                for line in text.splitlines()
            ]
            (home / name).write_text("\n".join(lines))
            files.append(home / name)
        with Prometheus(home / "data", targets={}, rules=files, program=program) as running:
            yield f"{running.url} {pages}"


def test_a_service_that_has_everything_is_ticked(rules: str) -> None:
    """Thirteen points are done; two remain for people."""
    prometheus, pages = (Question(url=url) for url in rules.split())
    with serve(service()) as base:
        found = points(base, "/api/v1/stream", prometheus=prometheus, grafana=pages, users=100)

    states = {text: point.state for text, point in found.items()}
    assert len(states) == 15
    assert [text for text, state in states.items() if state == "failed"] == [], found
    assert {text for text, state in states.items() if state == "person"} == {
        "User acceptance testing completed",
        "Logging configured for debugging",
    }


def test_what_is_missing_fails_or_is_asked(tmp_path: Path) -> None:
    """No metrics, no rules, no poll: each says so, and what to ask."""
    with serve(application()) as base:
        found = points(base, "/plain", prometheus=Question(url=base))

    assert found["Monitoring metrics exported"].state == "failed"
    assert found["Alert rules configured"].state == "failed"
    assert found["Load tested (100+ concurrent users)"].state == "person"
    assert all(point.ask for point in found.values() if point.state == "person")


def test_the_summary_can_be_committed() -> None:
    """Fifteen lines of Markdown, each ticked, failed or a question, and no secret."""
    entry = {"text": "Load tested", "state": "person", "evidence": "not", "ask": "How many?"}
    text = summary([entry], "http://host/?token=…", "2026-01-01")  # type: ignore[list-item]

    assert "- [?] **Load tested**: not. Ask: How many?" in text
    assert text.endswith("\n")
