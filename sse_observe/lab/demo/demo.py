"""The demo: a service, its users, an incident, and the Prometheus that sees it; all on loopback."""

import asyncio
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from sse_observe.asgi import App, Receive, Scope, Send
from sse_observe.boards.console import find_console
from sse_observe.boards.web_pages import nothing_here
from sse_observe.errors import LabError
from sse_observe.lab.demo.alert_history import AlertHistory
from sse_observe.lab.demo.home_page import home_page
from sse_observe.lab.demo.numbers import read
from sse_observe.lab.demo.pages import DemoPages
from sse_observe.lab.demo.plug import Plug
from sse_observe.lab.demo.service import API, ROUTE, Weather, service
from sse_observe.lab.demo.snapshot import Snapshot
from sse_observe.lab.demo.story import Story
from sse_observe.lab.demo.users import Users, mobile
from sse_observe.lab.local_bundle import LocalBundle
from sse_observe.lab.programs.cutting_proxy import CuttingProxy, dial_port
from sse_observe.lab.programs.process import find
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.lab.programs.server import Server, quiet
from sse_observe.registry import SSEMetrics

JOB = "sse-observe-demo"
# An hour of the rules passes in two minutes.
TIME_SCALE = 30.0
FRAME_SECONDS = 0.5


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
    _story: Story = field(init=False, default_factory=Story)
    _pages: App = field(init=False, default=nothing_here)
    _began: float = field(init=False, default_factory=time.monotonic)

    async def run(self) -> dict[str, Any]:
        """Run to the end; return a summary that is ready for JSON."""
        metrics, weather = SSEMetrics(CollectorRegistry()), Weather()
        async with AsyncExitStack() as stack:
            stack.enter_context(quiet())
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sse-observe-")))
            plug = Plug(service(metrics, weather, self._page), API)
            server = Server(plug, port=self.port)
            prometheus = self._prometheus(home, server, plug)
            stack.enter_context(server)
            if prometheus is not None:
                stack.enter_context(prometheus)
                await self._link(prometheus)
            network = await stack.enter_async_context(
                CuttingProxy(dial_port(server.port), lifetime=mobile)
            )
            users = Users(f"{network.url}{ROUTE}", self.users, metrics, ROUTE)
            await stack.enter_async_context(users)
            if prometheus is not None:
                await self._first_scrape(prometheus)
            async for elapsed in self._frames():
                now = self._story.phase(elapsed)
                weather.failing = now.failing
                # Nobody has a network while the plug is pulled.
                (network.close if plug.pulled else network.open)()
                await self._observe(elapsed, now.name, server, prometheus)
        return self._snapshot.document(self._alerts.changes)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._pages(scope, receive, send)

    def _prometheus(self, home: Path, server: Server, plug: Plug) -> Prometheus | None:
        """Render the bundle and make its pages; return a Prometheus, or none and note why."""
        bundle = LocalBundle(server.url, TIME_SCALE)
        links = {"Demo": server.url, "Runbooks": f"{server.url}/runbooks/README.md"}
        prometheus, note = None, ""
        try:
            find("prometheus", "prometheus")
        except LabError as error:
            note = f"No rules are evaluated and no alert can fire: {error}"
        else:
            prometheus = bundle.prometheus(home, {JOB: [f"127.0.0.1:{server.port}"]})
        actions = {
            "plug": plug.pull,
            "incident": lambda: self._story.start_incident(self._elapsed),
        }
        self._pages = DemoPages(
            home_page(bundle.catalog.boards, self.users),
            bundle.boards(prometheus, note),
            lambda: {**self._snapshot.state(), "unplugged": plug.pulled},
            actions,
        )
        self._snapshot = replace(self._snapshot, links=links, note=note)
        return prometheus

    async def _link(self, prometheus: Prometheus) -> None:
        """Name the page of Prometheus that is there: Debian's has others."""
        console = await asyncio.to_thread(find_console, prometheus.url)
        links = {**self._snapshot.links, "Prometheus": console.alerts or prometheus.url}
        self._snapshot = replace(self._snapshot, links=links)

    async def _first_scrape(self, prometheus: Prometheus) -> None:
        """Wait until there is something to judge: Prometheus takes 5 s to find its targets."""
        self._snapshot = replace(self._snapshot, phase="Waiting for Prometheus' first scrape.")
        while not await asyncio.to_thread(prometheus.query, f'up{{job="{JOB}"}} == 1'):
            self.on_snapshot(self._snapshot)
            await asyncio.sleep(FRAME_SECONDS)

    async def _frames(self) -> AsyncIterator[float]:
        self._began = time.monotonic()
        while self.duration is None or self._elapsed < self.duration:
            yield self._elapsed
            await asyncio.sleep(FRAME_SECONDS)

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

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
