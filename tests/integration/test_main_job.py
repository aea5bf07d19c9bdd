"""The main job, whole: a FastAPI service, the rendered bundle, a real Prometheus, one alert."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
import requests
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, metrics_app
from sse_observe.catalog.load import load
from sse_observe.consumer import StreamFailedError, resume_stream
from sse_observe.lab.demo.pages import Pages, bundle_pages
from sse_observe.lab.programs.network import Network, straight
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.render.bundle import render, write
from sse_observe.render.settings import Settings
from sse_observe.render.tuning import tune
from tests.apps.main_job_app import CHAT
from tests.support.history import History
from tests.support.programs import needs
from tests.support.servers import RawClient, serve, serve_process

pytestmark = pytest.mark.slow

# 1h is a minute; the shortest window of the rules, 2m, is four scrapes of half a second.
TIME_SCALE = 60
INTERVAL = "500ms"
JOB = "chat"
PATIENCE_SECONDS = 150
USERS = 16


class Traffic:
    """Consumers in a thread of their own, behind a network that cuts some of them."""

    def __init__(self, url: str, metrics: SSEMetrics) -> None:
        self._url = url
        self._metrics = metrics
        self._stop = threading.Event()
        self.failing = False
        self._count = 0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    async def _run(self) -> None:
        port = int(self._url.rsplit(":", 1)[1])
        lives = iter(range(10**9))
        dial = straight(port)
        async with Network(dial, lambda: 0.3 if next(lives) % 10 == 0 else None) as network:
            users = [asyncio.create_task(self._user(network.url)) for _ in range(USERS)]
            users += [asyncio.create_task(self._cut_at_ten_seconds()) for _ in range(3)]
            await asyncio.to_thread(self._stop.wait)
            for user in users:
                user.cancel()
            await asyncio.wait(users)

    async def _user(self, url: str) -> None:
        while True:
            self._count += 1
            await self._odd(self._count)
            fail = int(self.failing and self._count % 2 == 0)
            pause = 2.5 if self._count % 40 == 7 else 0.05
            stream = resume_stream(
                f"{url}/chat/{self._count}?fail={fail}&pause={pause}",
                route=CHAT,
                metrics=self._metrics,
                network_type="4g",
                stall_seconds=1.5,
                max_retries=1 if fail else None,
                on_status=lambda _status, _attempt: None,
            )
            try:
                async with asyncio.timeout(0.3 if self._count % 50 == 9 else None), stream:
                    async for _ in stream:
                        pass
            except (StreamFailedError, TimeoutError):
                pass
            await asyncio.sleep(0.05)

    async def _cut_at_ten_seconds(self) -> None:
        """Lose a stream again and again at the same age, as behind a proxy with a limit."""
        while True:
            feed = await asyncio.to_thread(RawClient, f"{self._url}/feed")
            with feed:
                await asyncio.sleep(10)

    async def _odd(self, number: int) -> None:
        """Do now and then what few clients do: be refused, resume too late, hang up in between."""
        if number % 25 == 3:
            await asyncio.to_thread(self._be_odd)

    def _be_odd(self) -> None:
        with RawClient(f"{self._url}/nothing", headers={"Accept": "text/event-stream"}) as refused:
            assert refused.status == 404
        answers = f"{self._url}/answers/api/v1/stream"
        with RawClient(answers) as first:
            first.until(lambda client: len(client.ids) >= 2)
            stale = first.ids[0]
        time.sleep(0.5)
        with RawClient(answers, headers={"Last-Event-ID": stale}) as late:
            late.until_end()
        requests.post(f"{self._url}/sse/deltas", data=b"no report", timeout=10)
        with RawClient(f"{self._url}/feed") as feed:
            feed.until(lambda client: len(client.payloads) >= 2)


@dataclass
class Stage:
    """Everything that runs while the claims are checked."""

    prometheus: Prometheus
    traffic: Traffic
    files: dict[str, str]

    def alert(self, name: str) -> dict[str, Any] | None:
        """Return an alert of the chat as Prometheus states it, the firing one first."""
        found = [
            alert
            for alert in self.prometheus.alerts()
            if alert["labels"]["alertname"] == name and alert["labels"]["route"] == CHAT
        ]
        return min(found, key=lambda alert: alert["state"], default=None)

    def wait(self, claim: Callable[[], bool], what: str) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not claim():
            assert time.monotonic() < deadline, f"waited in vain: {what}"
            time.sleep(0.25)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Start service, bundle, Prometheus and users; what users report has a target of its own."""
    program = needs("prometheus")
    home: Path = tmp_path_factory.mktemp("main-job")
    client_metrics = SSEMetrics(CollectorRegistry())
    pages = Pages()
    exposition = metrics_app(client_metrics)

    async def beside(scope: Any, receive: Any, send: Any) -> None:
        wants_metrics = scope.get("path") in ("/metrics", None)
        await (exposition if wants_metrics else pages)(scope, receive, send)

    with (
        serve_process("tests.apps.main_job_app:app", log=home / "service.log") as service,
        serve(beside) as web,
    ):
        settings = Settings(
            scrape_interval=INTERVAL,
            runbook_url=f"{web}/runbooks",
            grafana_url=web,
            time_scale=TIME_SCALE,
        )
        files = render(tune(load(), settings, "main job"), settings)
        write(files, home)
        pages.add(bundle_pages(files, None))
        targets = [url.removeprefix("http://") for url in (service.url, web)]
        prometheus = Prometheus(
            home / "prometheus",
            targets={JOB: targets},
            rules=sorted((home / "alerts").glob("*.yaml")),
            scrape_interval=INTERVAL,
            rule_interval=INTERVAL,
            program=program,
        )
        with prometheus, Traffic(service.url, client_metrics) as traffic:
            # A leak shows only against what was open six hours (here six minutes) ago.
            labels = {"__name__": "route:sse_streams_open:sum", "job": JOB, "route": CHAT}
            History(prometheus, time.time()).push([(labels, [(-400, 1.0)])])
            yield Stage(prometheus, traffic, files)


def test_the_main_job(stage: Stage) -> None:
    """Healthy first; then errors, the alert and its runbook; then mended, and resolved."""
    completion = 'route:sse_stream_completion:ratio_rate1h{job="chat", route="/chat/{chat_id}"}'
    stage.wait(lambda: bool(stage.prometheus.query(completion)), "a completion rate")
    time.sleep(8)
    assert stage.alert("SSECompletionRateLow") is None

    stage.traffic.failing = True

    def firing() -> bool:
        alert = stage.alert("SSECompletionRateLow")
        return alert is not None and alert["state"] == "firing"

    stage.wait(firing, "SSECompletionRateLow firing")
    alert = stage.alert("SSECompletionRateLow")
    assert alert is not None
    stage.traffic.failing = False
    runbook = requests.get(alert["annotations"]["runbook_url"], timeout=5)
    assert runbook.status_code == 200
    assert "First five minutes" in runbook.text
    assert requests.get(alert["annotations"]["dashboard_url"], timeout=5).status_code == 200
    assert float(alert["value"]) < 0.995

    every_rule_loaded_and_healthy(stage)
    stage.wait(lambda: stage.alert("SSECompletionRateLow") is None, "the alert resolved")
    every_signal_has_a_value(stage)
    every_panel_answers(stage)


def every_rule_loaded_and_healthy(stage: Stage) -> None:
    rules = stage.prometheus.rules()
    written = sum(
        stage.files[name].count(word)
        for name, word in (
            ("alerts/sse-recording-rules.yaml", "- record:"),
            ("alerts/sse-alerts.yaml", "- alert:"),
        )
    )

    assert len(rules) == written
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []


def every_signal_has_a_value(stage: Stage) -> None:
    empty = [
        signal.record
        for signal in load().signals
        if not stage.prometheus.query(f"last_over_time({signal.record}[10m])")
    ]

    assert empty == []


def every_panel_answers(stage: Stage) -> None:
    """Ask as Grafana would, with every variable at All; an error or an empty panel fails."""
    empty = []
    for name, text in stage.files.items():
        if not name.startswith("dashboards/"):
            continue
        rows = json.loads(text)["panels"]
        panels = [panel for row in rows for panel in (row, *row.get("panels", ()))]
        for panel in panels:
            for target in panel.get("targets", ()):
                expr = re.sub(
                    r"\$\{?(\w+)(?::\w+)?\}?",
                    lambda found: "30s" if found[1].startswith("__") else ".+",
                    target["expr"],
                )
                at = time.time()
                answered = [
                    sample
                    for seconds in range(0, 60, 2)
                    for sample in stage.prometheus.query(expr, at - seconds)
                ]
                if not answered:
                    empty.append((name, panel["title"], expr))

    assert empty == []
