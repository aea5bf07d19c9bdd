"""The fire drill: faults on routes of their own, and the alerting that must see each of them."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, metrics_app
from sse_observe.catalog.load import load
from sse_observe.errors import LabError
from sse_observe.lab.alertmanager import Alertmanager, Webhook
from sse_observe.lab.alertmanager import program as alertmanager
from sse_observe.lab.broken import App, Switch
from sse_observe.lab.course import Course, Happening, Verdict
from sse_observe.lab.faults import JOB, Fault
from sse_observe.lab.pages import Pages, bundle_pages
from sse_observe.lab.process import find
from sse_observe.lab.prometheus import Prometheus
from sse_observe.lab.readers import Readers
from sse_observe.lab.server import Server, quiet
from sse_observe.render.bundle import render, write
from sse_observe.render.settings import AlertSettings, Settings, WindowSettings
from sse_observe.render.tuning import tune

FRAME_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
# The 5m windows must have seen a healthy route before it breaks, or they see nothing change.
HEALTHY_MINUTES = 8.0
# Readers, services and scrapes share one interpreter: for more faults time goes half as fast.
FAST, SLOW = 60.0, 30.0
FEW = 3
# Pairs of longer windows would fire, and resolve, minutes after the fault is mended.
_WINDOWS = (
    WindowSettings(long="1h", short="5m", factor=14.4, hold_for="2m", severity="critical"),
    WindowSettings(long="6h", short="30m", factor=6, hold_for="15m", severity="critical"),
)


@dataclass(frozen=True)
class Report:
    """All verdicts, and the alerts that fired outside of every fault."""

    verdicts: tuple[Verdict, ...]
    strays: tuple[str, ...]
    seconds: float
    scale: float
    timeline: tuple[Happening, ...]

    @property
    def as_expected(self) -> bool:
        """Whether each fault raised exactly its own alerts, and nothing else did."""
        return not self.strays and all(verdict.as_expected for verdict in self.verdicts)

    @property
    def recall(self) -> float:
        """The share of expected alerts that fired."""
        expected = sum(len(verdict.expected) for verdict in self.verdicts)
        return 1 - sum(len(verdict.missing) for verdict in self.verdicts) / expected

    @property
    def precision(self) -> float:
        """The share of alerts that fired and were expected; 1 where none fired."""
        wrong = sum(len(verdict.unexpected) for verdict in self.verdicts) + len(self.strays)
        fired = sum(len(verdict.fired) for verdict in self.verdicts) + len(self.strays)
        return 1 - wrong / fired if fired else 1.0


@dataclass
class Drill:
    """
    One run of some faults, side by side; `tell` is called with each line of the timeline.

    Everything is on loopback and ends with the run. LabError where a program is missing.
    """

    faults: Sequence[Fault]
    tell: Callable[[Happening], None]
    _timeline: list[Happening] = field(init=False, default_factory=list)
    _strays: set[str] = field(init=False, default_factory=set)
    _hook: Webhook = field(init=False, default_factory=Webhook)
    _pages: Pages = field(init=False, default_factory=Pages)
    _read: int = field(init=False, default=0)

    async def run(self) -> Report:
        """Run to the end of every fault's course."""
        self._look_for_programs()
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            stack.enter_context(quiet())
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sse-observe-")))
            switches = {fault.name: Switch() for fault in self.faults}
            pages, targets = await self._serve(stack, home, switches)
            watcher, alerts = self._watch(stack, home, pages, targets)
            courses = [
                Course(fault, switches[fault.name], alerts, 60 / self.scale, self._note)
                for fault in self.faults
            ]
            await self._first_scrape(watcher, len(targets))
            await asyncio.sleep(self.healthy_seconds)
            signals = _selector(courses)
            for course in courses:
                course.begin(time.monotonic() - began)
            while any(course.phase != "over" for course in courses):
                await asyncio.sleep(FRAME_SECONDS)
                found = await asyncio.to_thread(watcher.alerts)
                values = await asyncio.to_thread(watcher.query, signals)
                messages = self._hook.received[self._read :]
                self._read += len(messages)
                for course in courses:
                    course.look(time.monotonic() - began, found, values, messages)
                self._stray(found)
        return Report(
            tuple(course.verdict() for course in courses),
            tuple(sorted(self._strays)),
            round(time.monotonic() - began, 1),
            self.scale,
            tuple(self._timeline),
        )

    @property
    def scale(self) -> float:
        """How many times faster than in production time goes."""
        most = FAST if len(self.faults) <= FEW else SLOW
        return min(most, *(fault.scale for fault in self.faults))

    @property
    def healthy_seconds(self) -> float:
        """How long all is well before the faults begin."""
        return HEALTHY_MINUTES * 60 / self.scale

    def _note(self, happening: Happening) -> None:
        self._timeline.append(happening)
        self.tell(happening)

    def _look_for_programs(self) -> None:
        """Say what is missing before anything is started."""
        find("prometheus", "prometheus")
        alertmanager()
        if any(fault.read_timeout for fault in self.faults):
            find("nginx", "nginx")

    async def _serve(
        self, stack: AsyncExitStack, home: Path, switches: dict[str, Switch]
    ) -> tuple[str, dict[str, list[str]]]:
        """Start services and readers; return the address of the pages, and Prometheus' targets."""
        jobs = dict.fromkeys((JOB, *(fault.job for fault in self.faults)))
        targets, urls = {}, []
        for job in jobs:
            faults = [fault for fault in self.faults if fault.job == job]
            metrics = SSEMetrics(CollectorRegistry())
            server = stack.enter_context(Server(self._service(faults, switches, metrics)))
            urls.append(server.url)
            targets[job] = [f"127.0.0.1:{server.port}"]
            for fault in faults:
                readers = Readers(fault, switches[fault.name], metrics)
                await stack.enter_async_context(readers.of(server.port, home / fault.name))
        return urls[0], targets

    def _service(
        self, faults: Sequence[Fault], switches: dict[str, Switch], metrics: SSEMetrics
    ) -> App:
        """Return one application: a route for each fault, `/metrics`, runbooks, the webhook."""
        broken = {f"/{fault.name}": fault.service(switches[fault.name]) for fault in faults}
        exporters = [switches[fault.name] for fault in faults if fault.exporter]

        async def routes(scope: Any, receive: Any, send: Any) -> None:
            root = "/" + scope["path"].split("/")[1]
            await broken[root]({**scope, "root_path": root}, receive, send)

        observed = SSEObserveMiddleware(
            routes, metrics=metrics, routes={fault.path: fault.route for fault in faults}
        )
        exposition = metrics_app(metrics)

        async def service(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                return
            path = scope["path"]
            gone = any(switch.on for switch in exporters)
            if path.startswith(tuple(f"{root}/" for root in broken)):
                await observed(scope, receive, send)
            elif path == "/metrics" and not gone:
                await exposition(scope, receive, send)
            elif path == "/hook":
                await self._hook(scope, receive, send)
            else:
                await self._pages(scope, receive, send)

        return service

    def _watch(
        self, stack: AsyncExitStack, home: Path, url: str, targets: dict[str, list[str]]
    ) -> tuple[Prometheus, dict[str, Any]]:
        """Start Prometheus and Alertmanager with the rendered rules; return the alerts too."""
        # The shortest window of the rules, 2m, must hold four scrapes.
        interval = f"{30_000 / self.scale:.0f}ms"
        settings = Settings(
            scrape_interval=interval,
            runbook_url=f"{url}/runbooks",
            grafana_url=url,
            alerts={"SSEErrorBudgetBurn": AlertSettings(windows=_WINDOWS)},
            time_scale=self.scale,
        )
        catalog = tune(load(), settings, "drill")
        files = render(catalog, settings)
        write(files, home)
        keys = ("alertname", "job", "route")
        manager = Alertmanager(home / "alertmanager", webhook=f"{url}/hook", group_by=keys)
        stack.enter_context(manager)
        watcher = Prometheus(
            home / "prometheus",
            targets=targets,
            rules=sorted((home / "alerts").glob("*.yaml")),
            scrape_interval=interval,
            rule_interval=interval,
            alertmanager=manager.address,
        )
        stack.enter_context(watcher)
        self._pages.add(bundle_pages(files, watcher.url))
        return watcher, {alert.name: alert for alert in catalog.alerts}

    async def _first_scrape(self, watcher: Prometheus, targets: int) -> None:
        """Wait until there is something to judge: Prometheus takes 5 s to find its targets."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(await asyncio.to_thread(watcher.query, "up == 1")) < targets:
            if time.monotonic() > deadline:
                raise LabError(
                    f"drill: no scrape succeeded within {PATIENCE_SECONDS:g} s; "
                    "this machine is too busy: let it rest, or drill one fault"
                )
            await asyncio.sleep(FRAME_SECONDS)

    def _stray(self, found: Sequence[dict[str, Any]]) -> None:
        """Note what fires and is no fault's doing."""
        for alert in found:
            labels = alert["labels"]
            if alert["state"] == "firing" and not any(f.raises(labels) for f in self.faults):
                self._strays.add(labels["alertname"])


def _selector(courses: Sequence[Course]) -> str:
    """Return one query for every signal that the faults' alerts watch."""
    names = sorted(
        {course.alerts[name].signals()[0] for course in courses for name in course.fault.alerts}
    )
    return f'{{__name__=~"{"|".join(names)}", job=~"{JOB}.*"}}'
