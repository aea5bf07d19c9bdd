"""The demo: a service, its users, an incident, and the Prometheus that sees it; all on loopback."""

import asyncio
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry

from sse_observe.errors import LabError
from sse_observe.lab.bundle_pages import bundle_pages
from sse_observe.lab.demo.alert_history import AlertHistory
from sse_observe.lab.demo.home_page import home_page
from sse_observe.lab.demo.numbers import read
from sse_observe.lab.demo.service import ROUTE, Weather, service
from sse_observe.lab.demo.snapshot import Snapshot
from sse_observe.lab.demo.users import Users, mobile
from sse_observe.lab.local_bundle import LocalBundle
from sse_observe.lab.programs.cutting_proxy import CuttingProxy, dial_port
from sse_observe.lab.programs.process import find
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.lab.programs.server import Server, quiet
from sse_observe.lab.web_pages import WebPages
from sse_observe.registry import SSEMetrics

JOB = "sse-observe-demo"
# An hour of the rules passes in two minutes.
TIME_SCALE = 30.0
FRAME_SECONDS = 0.5


class Phase(NamedTuple):
    """A part of the story: from which second on, its name, and the share of answers that fail."""

    start: float
    name: str
    failing: float


# The incident is long enough for an alert that waits 5m (here 10 s), and short enough to see it
# resolve.
PHASES = (
    Phase(0, "Healthy.", 0.0),
    Phase(25, "Incident: answers fail.", 0.4),
    Phase(60, "Repaired.", 0.0),
)


def phase(elapsed: float) -> Phase:
    """Return the phase that a second of the demo is in."""
    return next(phase for phase in reversed(PHASES) if elapsed >= phase.start)


@dataclass
class Demo:
    """
    One run; `on_snapshot` is called about twice a second.

    `port` 0 takes a free one; `duration` None runs until cancelled. Without the `prometheus`
    program the demo runs all the same, and each snapshot's note says what is missing.
    """

    users: int
    port: int
    duration: float | None
    on_snapshot: Callable[[Snapshot], None]
    _snapshot: Snapshot = field(init=False, default_factory=lambda: Snapshot(0, "Starting.", None))
    _alerts: AlertHistory = field(init=False, default_factory=AlertHistory)

    async def run(self) -> dict[str, Any]:
        """Run to the end; return a summary that is ready for JSON."""
        metrics, weather, pages = SSEMetrics(CollectorRegistry()), Weather(), WebPages()
        async with AsyncExitStack() as stack:
            stack.enter_context(quiet())
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sse-observe-")))
            server = Server(service(metrics, weather, pages), port=self.port)
            stack.enter_context(server)
            prometheus = self._prometheus(home, server, pages)
            if prometheus is not None:
                stack.enter_context(prometheus)
            network = await stack.enter_async_context(
                CuttingProxy(dial_port(server.port), lifetime=mobile)
            )
            users = Users(f"{network.url}{ROUTE}", self.users, metrics, ROUTE)
            await stack.enter_async_context(users)
            if prometheus is not None:
                await self._first_scrape(prometheus)
            async for elapsed in self._frames():
                now = phase(elapsed)
                weather.failing = now.failing
                await self._observe(elapsed, now.name, server, prometheus)
        return self._snapshot.document(self._alerts.changes)

    def _prometheus(self, home: Path, server: Server, pages: WebPages) -> Prometheus | None:
        """Render the bundle and serve its pages; return a Prometheus, or none and note why."""
        bundle = LocalBundle(server.url, TIME_SCALE)
        links = {"Service": server.url, "Runbooks": f"{server.url}/runbooks/README.md"}
        prometheus, note = None, ""
        try:
            find("prometheus", "prometheus")
        except LabError as error:
            note = f"No rules are evaluated and no alert can fire: {error}"
        else:
            prometheus = bundle.prometheus(home, {JOB: [f"127.0.0.1:{server.port}"]})
            links["Prometheus"] = f"{prometheus.url}/alerts"
        pages.add(bundle_pages(bundle.files, prometheus.url if prometheus else None))
        pages.add({"/": home_page(bundle.files)})
        self._snapshot = replace(self._snapshot, links=links, note=note)
        return prometheus

    async def _first_scrape(self, prometheus: Prometheus) -> None:
        """Wait until there is something to judge: Prometheus takes 5 s to find its targets."""
        self._snapshot = replace(self._snapshot, phase="Waiting for Prometheus' first scrape.")
        while not await asyncio.to_thread(prometheus.query, f'up{{job="{JOB}"}} == 1'):
            self.on_snapshot(self._snapshot)
            await asyncio.sleep(FRAME_SECONDS)

    async def _frames(self) -> AsyncIterator[float]:
        began = time.monotonic()
        while self.duration is None or time.monotonic() - began < self.duration:
            yield time.monotonic() - began
            await asyncio.sleep(FRAME_SECONDS)

    async def _observe(
        self, elapsed: float, phase: str, server: Server, prometheus: Prometheus | None
    ) -> None:
        """Take a snapshot and pass it on."""
        numbers = read(await asyncio.to_thread(_scrape, f"{server.url}/metrics"))
        if prometheus is not None:
            self._alerts.observe(await asyncio.to_thread(prometheus.alerts), elapsed)
        self._snapshot = replace(
            self._snapshot,
            elapsed=elapsed,
            phase=phase,
            numbers=numbers,
            alerts=self._alerts.now,
        )
        self.on_snapshot(self._snapshot)


def _scrape(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text: str = answer.read().decode()
        return text
