"""The report from real Prometheus: pushed history, and incidents that really happened."""

import asyncio
import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sse_observe.lab.drill.timeline import TimelineEvent
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.report.findings.conclusion import sentences
from sse_observe.report.output.html_file import MOST_BYTES, html_file
from sse_observe.report.output.json_document import json_document
from sse_observe.report.output.report import Report
from sse_observe.report.run import ReportRequest, run_report
from tests.support.history import History
from tests.support.report_history import BROKEN_FROM, BROKEN_UNTIL, LENGTH, incident, iso

pytestmark = pytest.mark.slow


def test_a_real_prometheus_answers_every_query(prometheus: Prometheus) -> None:
    """All that is asked is PromQL that it accepts; who was slow, and when, is found in it."""
    history = History(prometheus)
    history.push(incident(history.start))
    request = ReportRequest(
        prometheus=prometheus.url,
        since=iso(history.start),
        until=iso(history.start + LENGTH),
    )

    found = run_report(request)

    assert found.incident.failures == ()
    (episode,) = found.incident.episodes
    assert (episode.alert, episode.fired, episode.labels["route"]) == (
        *("SSEHighReconnectLatency", True),
        "/b",
    )
    assert episode.pending == history.start + BROKEN_FROM + 30
    assert episode.start == history.start + BROKEN_FROM + 630
    route, network = (found.incident.impacts[key][0] for key in ("route", "network_type"))
    assert (route.value, route.measure) == ("/b", "Reconnecting takes users over 5 s")
    assert (network.value, network.measure, network.clear) == ("3g", "Reconnects over 5 s", True)
    lost = {one.route: one.lost for one in found.incident.slo}
    assert lost["/a"] == 0
    assert lost["/b"] == pytest.approx(0.5 * 1830, rel=0.05)
    assert found.incident.causes is not None
    shares = found.incident.causes.failed.items()
    assert {cause: found.incident.causes.share(number) for cause, number in shares} == {
        "upstream": pytest.approx(0.1, rel=0.01),
        "network": pytest.approx(0.1, rel=0.01),
    }
    (minute,) = (
        one for one in found.incident.worst_minutes if one.distance.alert.name == episode.alert
    )
    assert BROKEN_FROM <= minute.at - history.start <= BROKEN_UNTIL + 60
    assert len(html_file(found).encode()) < MOST_BYTES


@pytest.mark.prove
def test_a_report_of_a_drill_names_the_injected_faults_route_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two faults at once: the critical one's route stands in the conclusion, before the other's."""
    from sse_observe.lab.drill.drill import Drill
    from sse_observe.lab.drill.faults import fault_named

    reports: list[Report] = []
    threads: list[threading.Thread] = []
    faults = (fault_named("oversized"), fault_named("freeze"))

    watching: list[str] = []
    start = Prometheus.start

    def watched(self: Prometheus) -> Prometheus:
        watching.append(self.url)
        return start(self)

    monkeypatch.setattr(Prometheus, "start", watched)

    def on_event(event: TimelineEvent) -> None:
        # What was broken last is still to be seen, and Prometheus still there.
        if event.what == "repaired" and event.fault == "freeze":
            settings, scale = tmp_path / "sse-observe.yaml", drill.stack.scale
            settings.write_text(f"scrape_interval: {30_000 / scale:.0f}ms\ntime_scale: {scale:g}\n")
            request = ReportRequest(prometheus=watching[0], since="5m", settings=settings)
            thread = threading.Thread(target=lambda: reports.append(run_report(request)))
            thread.start()
            threads.append(thread)

    drill = Drill(faults, on_event)
    asyncio.run(drill.run())
    for thread in threads:
        thread.join(60)

    (found,) = reports
    conclusion = list(sentences(found.incident))
    assert found.incident.fired[0].alert == "SSEStreamsStalled", json.dumps(json_document(found))
    assert conclusion[1].startswith(f"Most affected route: {faults[1].path}. "), conclusion
    assert len(found.incident.impacts["route"]) == 2


@pytest.mark.prove
def test_a_report_names_the_route_and_the_network_that_really_break(tmp_path: Path) -> None:
    """A service that breaks one route's streams on one network, real readers, real rules."""
    from contextlib import AsyncExitStack

    from prometheus_client import CollectorRegistry

    from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute, metrics_app
    from sse_observe.catalog.load import load
    from sse_observe.consumer import StreamFailedError, resume_stream
    from sse_observe.lab.programs.server import Server, quiet
    from sse_observe.render.bundle import render, write
    from sse_observe.render.settings import Settings
    from sse_observe.render.tuning import tune

    scale, interval = 60, "500ms"
    metrics = SSEMetrics(CollectorRegistry())
    routes = ("/a", "/b", "/c")
    broken = threading.Event()

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        headers = [
            (b"content-type", b"text/event-stream"),
            (b"cache-control", b"no-cache, no-transform"),
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number in range(3):
            body = f"id: {number}\ndata: x\n\n".encode()
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await asyncio.sleep(0.02)
            if (
                number == 1
                and scope["path"] == "/b"
                and b"network_type=3g" in scope["query_string"]
            ):
                return
        done = b"event: done\ndata: x\n\n"
        await send({"type": "http.response.body", "body": done, "more_body": False})

    observed = SSEObserveMiddleware(
        answer,
        metrics=metrics,
        routes={route: StreamRoute(terminal_events=("done",)) for route in routes},
    )
    exposition = metrics_app(metrics)

    async def service(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            app = exposition if scope["path"] == "/metrics" else observed
            await app(scope, receive, send)

    async def reader(url: str, route: str, network: str) -> None:
        while True:
            stream = resume_stream(
                f"{url}{route}", route=route, network_type=network, max_retries=0, metrics=metrics
            )
            try:
                async with stream:
                    async for _ in stream:
                        pass
            except StreamFailedError:
                pass
            await asyncio.sleep(0.3)

    async def run() -> Report:
        settings = Settings(scrape_interval=interval, time_scale=scale)
        write(render(tune(load(), settings), settings), tmp_path)
        file = tmp_path / "sse-observe.yaml"
        file.write_text(f"scrape_interval: {interval}\ntime_scale: {scale}\n")
        async with AsyncExitStack() as stack:
            stack.enter_context(quiet())
            server = stack.enter_context(Server(service))
            prometheus = Prometheus(
                tmp_path / "prometheus",
                targets={"chat": [f"127.0.0.1:{server.port}"]},
                rules=sorted((tmp_path / "alerts").glob("*.yaml")),
                scrape_interval=interval,
                rule_interval=interval,
            )
            stack.enter_context(prometheus)
            tasks = [
                asyncio.create_task(reader(server.url, route, network))
                for route in routes
                for network in ("3g", "4g")
                for _ in range(3)
            ]
            try:
                # The windows of the rules must have seen the service well before it breaks.
                await asyncio.sleep(15)
                broken.set()
                deadline = time.monotonic() + 180
                firing = 'ALERTS{alertname="SSECompletionRateLow", alertstate="firing"}'
                while not await asyncio.to_thread(prometheus.query, firing):
                    assert time.monotonic() < deadline, await asyncio.to_thread(
                        prometheus.query, '{__name__=~"route:sse_streams.*(lost|failed|ended).*"}'
                    )
                    await asyncio.sleep(0.5)
                request = ReportRequest(prometheus=prometheus.url, since="2m", settings=file)
                return await asyncio.to_thread(run_report, request)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    found = asyncio.run(run())

    conclusion = list(sentences(found.incident))
    assert found.incident.failures == ()
    fired = {(one.alert, one.labels.get("route")) for one in found.incident.fired}
    assert {route for _, route in fired} == {"/b"}, fired
    assert conclusion[1].startswith("Most affected route: /b. "), conclusion
    assert conclusion[2].startswith("Most affected network: 3g. Streams that failed: "), conclusion
    assert re.search(r"elsewhere 0\.\d\d %", conclusion[2])
    assert len(html_file(found).encode()) < MOST_BYTES
