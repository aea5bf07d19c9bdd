"""
The main job, whole: a FastAPI service, the rendered bundle, a real Prometheus, one alert.

Run as a program: it prints what it saw as one JSON document. `victoriametrics` as its argument
takes that, an agent and vmalert instead of a Prometheus.
"""

import asyncio
import json
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import requests
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, metrics_app
from sse_observe.catalog.load import load
from sse_observe.consumer import StreamFailedError, resume_stream
from sse_observe.lab.local_bundle import LocalBundle
from sse_observe.lab.programs.cutting_proxy import CuttingProxy, dial_port
from sse_observe.lab.programs.prometheus import ActiveAlert, Prometheus, PrometheusAPI
from sse_observe.render.target import Rendering
from sse_observe.render.target_settings import VictoriaMetrics
from sse_observe.render.targets.victoriametrics import TARGET
from tests.apps.main_job_app import CHAT
from tests.support.history import History
from tests.support.programs import needs
from tests.support.rule_health import punctual_rules
from tests.support.servers import RawClient, serve, serve_process
from tests.support.victoria import VictoriaStack
from tests.support.waiting import wait_until

TIME_SCALE = 120
HEALTHY_SECONDS = 4
PATIENCE_SECONDS = 150
JOB = "chat"
USERS = 16
ALERT = "SSECompletionRateLow"


class Traffic:
    """Consumers in a thread of their own, behind a proxy that cuts some of them."""

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
        async with CuttingProxy(
            dial_port(port), lambda: 0.3 if next(lives) % 10 == 0 else None
        ) as proxy:
            users = [asyncio.create_task(self._user(proxy.url)) for _ in range(USERS)]
            users += [asyncio.create_task(self._cut_at_ten_seconds()) for _ in range(3)]
            await asyncio.to_thread(self._stop.wait)
            for user in users:
                user.cancel()
            await asyncio.wait(users)

    async def _user(self, url: str) -> None:
        while True:
            self._count += 1
            if self._count % 25 == 3:
                await asyncio.to_thread(self._be_unusual)
            fail = int(self.failing and self._count % 2 == 0)
            pause = 2.5 if self._count % 40 == 7 else 0.05
            stream = resume_stream(
                f"{url}/chat/{self._count}?fail={fail}&pause={pause}",
                route=CHAT,
                metrics=self._metrics,
                network_type="4g",
                stall_seconds=1.5,
                max_retries=1 if fail else None,
                on_status=lambda _status, _attempt, _why: None,
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

    def _be_unusual(self) -> None:
        """Do what few clients do: be refused, resume too late, report nonsense, hang up early."""
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
    """Everything that runs during the job."""

    prometheus: PrometheusAPI
    traffic: Traffic
    files: dict[str, str]

    def alert(self) -> ActiveAlert | None:
        """Return the alert of the chat, the firing one first."""
        found = [
            alert
            for alert in self.prometheus.alerts()
            if alert.name == ALERT and alert.labels["route"] == CHAT
        ]
        return min(found, key=lambda alert: alert.state, default=None)

    def firing(self) -> ActiveAlert | None:
        """Return the alert if it fires."""
        alert = self.alert()
        return alert if alert and alert.state == "firing" else None

    def empty_signals(self) -> list[str]:
        """Return the signals that never had a value."""
        records = [signal.record for signal in load().signals]
        # At once: all goes on meanwhile, and works as hard as before.
        named = f'{{__name__=~"{"|".join(records)}"}}'
        found = self.prometheus.query(f"count by (__name__) (last_over_time({named}[10m]))")
        seen = {one.labels["__name__"] for one in found}
        return [record for record in records if record not in seen]

    def empty_panels(self) -> list[tuple[str, str, str]]:
        """Return the queries without an answer in the last minute, with every variable at All."""
        return [
            (name, title, expr)
            for name, title, expr in self._queries()
            if not self._answered(
                re.sub(
                    r"\$\{?(\w+)(?::\w+)?\}?",
                    lambda found: "30s" if found[1].startswith("__") else ".+",
                    expr,
                )
            )
        ]

    def _queries(self) -> Iterator[tuple[str, str, str]]:
        for name, text in self.files.items():
            if name.startswith("dashboards/"):
                rows = json.loads(text)["panels"]
                for panel in [panel for row in rows for panel in (row, *row.get("panels", ()))]:
                    for target in panel.get("targets", ()):
                        yield name, panel["title"], target["expr"]

    def _answered(self, expr: str) -> bool:
        now = time.time()
        data = self.prometheus.get("query_range", query=expr, start=now - 60, end=now, step=2)
        return bool(data["result"])


@contextmanager
def staged(home: Path, evaluator: str) -> Iterator[Stage]:
    """Start service, bundle, Prometheus and users; what users report has a target of its own."""
    client_metrics = SSEMetrics(CollectorRegistry())
    pages: dict[str, Any] = {}
    exposition = metrics_app(client_metrics)

    async def beside(scope: Any, receive: Any, send: Any) -> None:
        wants_metrics = scope.get("path") in ("/metrics", None)
        await (exposition if wants_metrics else pages["boards"])(scope, receive, send)

    with (
        serve_process("tests.apps.main_job_app:app", log=home / "service.log") as service,
        serve(beside) as web,
    ):
        bundle = LocalBundle(web, TIME_SCALE)
        targets = [url.removeprefix("http://") for url in (service.url, web)]
        with (
            EVALUATORS[evaluator](bundle, home, {JOB: targets}) as prometheus,
            Traffic(service.url, client_metrics) as traffic,
        ):
            pages["boards"] = bundle.boards(prometheus)
            # A leak shows only against what was open six hours ago, which are minutes here.
            labels = {"__name__": "route:sse_streams_open:sum", "job": JOB, "route": CHAT}
            past = [(float(at), 1.0) for at in range(-300, 0)]
            History(prometheus, time.time()).push([(labels, past)])
            yield Stage(prometheus, traffic, bundle.files)


def on_prometheus(bundle: LocalBundle, home: Path, targets: dict[str, list[str]]) -> Prometheus:
    return bundle.prometheus(home, targets, program=needs("prometheus"))


def on_victoriametrics(
    bundle: LocalBundle, home: Path, targets: dict[str, list[str]]
) -> VictoriaStack:
    # vmalert of Debian 12 is older than `keep_firing_for`.
    settings = replace(bundle.settings, victoriametrics=VictoriaMetrics(keep_firing_for=False))
    files = TARGET.render(Rendering(bundle.catalog, settings, "", bundle.files))
    rules = home / "rules.yaml"
    rules.write_text(files["victoriametrics/sse-observe.yaml"])
    return VictoriaStack(
        home, rules, targets=targets, interval=bundle.interval, time_scale=TIME_SCALE
    )


EVALUATORS = {"prometheus": on_prometheus, "victoriametrics": on_victoriametrics}


def run(stage: Stage) -> dict[str, Any]:
    """Healthy first; then errors, the alert and its runbook; then repaired, and resolved."""
    completion = f'route:sse_stream_completion:ratio_rate1h{{job="chat", route="{CHAT}"}}'
    wait_until(lambda: stage.prometheus.query(completion), "a completion rate", PATIENCE_SECONDS)
    time.sleep(HEALTHY_SECONDS)
    healthy = stage.alert()

    stage.traffic.failing = True
    wait_until(stage.firing, f"{ALERT} firing", PATIENCE_SECONDS)
    alert = stage.alert()
    assert alert is not None
    stage.traffic.failing = False
    links = {
        name: requests.get(alert.annotations[name], timeout=5)
        for name in ("runbook_url", "dashboard_url")
    }
    rules = punctual_rules(stage.prometheus)
    wait_until(lambda: stage.alert() is None, f"{ALERT} resolved", PATIENCE_SECONDS)
    return {
        "while_healthy": healthy and healthy.state,
        "state": alert.state,
        "value": alert.value,
        "links": {name: link.status_code for name, link in links.items()},
        "runbook": links["runbook_url"].text,
        "rules": {
            "written": sum(
                len(re.findall(r"- (?:record|alert):", stage.files[name]))
                for name in ("alerts/sse-recording-rules.yaml", "alerts/sse-alerts.yaml")
            ),
            "loaded": len(rules),
            "unhealthy": [(rule.name, rule.last_error) for rule in rules if rule.health != "ok"],
        },
        "empty_signals": stage.empty_signals(),
        "empty_panels": stage.empty_panels(),
    }


if __name__ == "__main__":
    asked = (*sys.argv[1:], "prometheus")[0]
    with tempfile.TemporaryDirectory() as home, staged(Path(home), asked) as stage:
        json.dump(run(stage), sys.stdout)
