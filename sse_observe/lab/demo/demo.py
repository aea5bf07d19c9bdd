"""The demo: a service, its users, an incident, and the Prometheus that sees it; all on loopback."""

import asyncio
import signal
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from sse_observe.catalog.load import load
from sse_observe.errors import LabError
from sse_observe.lab.demo import numbers
from sse_observe.lab.demo.pages import Pages, bundle_pages
from sse_observe.lab.demo.service import ROUTE, Weather, service
from sse_observe.lab.demo.users import Users, mobile
from sse_observe.lab.demo.view import AlertState, Moment
from sse_observe.lab.programs.network import Network, straight
from sse_observe.lab.programs.process import find
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.lab.programs.server import Server, quiet
from sse_observe.registry import SSEMetrics
from sse_observe.render.bundle import render, write
from sse_observe.render.settings import Settings
from sse_observe.render.tuning import tune

JOB = "sse-observe-demo"
# An hour of the rules passes in two minutes; their shortest window, 2m, is then four scrapes.
TIME_SCALE = 30.0
INTERVAL = "1s"
FRAME_SECONDS = 0.5
# From which second on, what happens, and which share of the answers breaks off. The incident is
# long enough for an alert that waits 5m (here 10 s), and short enough to see it resolve.
PHASES = ((0.0, "healthy", 0.0), (25.0, "incident: answers break off", 0.4), (60.0, "mended", 0.0))


def phase(elapsed: float) -> tuple[str, float]:
    """Return what happens at a second of the demo, and the share of answers that break off."""
    return next((name, share) for start, name, share in reversed(PHASES) if elapsed >= start)


@dataclass
class Demo:
    """
    One run; `show` is called with each moment, about twice a second.

    `port` 0 takes a free one; `duration` None runs until cancelled. Without the `prometheus`
    program it runs all the same, and each moment's note says what is missing.
    """

    users: int
    port: int
    duration: float | None
    show: Callable[[Moment], None]
    _moment: Moment = field(init=False, default_factory=lambda: Moment(0, "starting", None))
    _seen: dict[str, AlertState] = field(init=False, default_factory=dict)
    _timeline: list[dict[str, Any]] = field(init=False, default_factory=list)

    async def run(self) -> dict[str, Any]:
        """Run to the end; return a summary that is ready for JSON."""
        # Whoever ends it politely gets the same tidy end as Ctrl-C.
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, signal.raise_signal, signal.SIGINT)
        metrics = SSEMetrics(CollectorRegistry())
        weather = Weather()
        pages = Pages()
        async with AsyncExitStack() as stack:
            stack.enter_context(quiet())
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sse-observe-")))
            server = Server(service(metrics, weather, pages), port=self.port)
            stack.enter_context(server)
            files = _bundle(server.url)
            write(files, home)
            watcher, note = _prometheus(home, server.port)
            pages.add(bundle_pages(files, watcher.url if watcher else None))
            links = {"Service": server.url, "Runbooks": f"{server.url}/runbooks/README.md"}
            if watcher is not None:
                stack.enter_context(watcher)
                links["Prometheus"] = f"{watcher.url}/alerts"
            self._moment = replace(self._moment, links=links, note=note)
            network = await stack.enter_async_context(Network(straight(server.port), mobile))
            await stack.enter_async_context(
                Users(f"{network.url}{ROUTE}", self.users, metrics, ROUTE)
            )
            if watcher is not None:
                await self._first_scrape(watcher)
            async for elapsed in self._frames():
                name, weather.failing = phase(elapsed)
                scraped = await asyncio.to_thread(_scrape, f"{server.url}/metrics")
                if watcher is not None:
                    found = await asyncio.to_thread(watcher.alerts)
                    self._note_alerts(found, elapsed)
                self._moment = replace(
                    self._moment,
                    elapsed=elapsed,
                    phase=name,
                    numbers=numbers.read(scraped),
                    alerts=tuple(self._seen.values()),
                )
                self.show(self._moment)
        return self.summary()

    async def _first_scrape(self, watcher: Prometheus) -> None:
        """Wait until there is something to judge: Prometheus takes 5 s to find its targets."""
        self._moment = replace(self._moment, phase="waiting for Prometheus' first scrape")
        while not await asyncio.to_thread(watcher.query, f'up{{job="{JOB}"}} == 1'):
            self.show(self._moment)
            await asyncio.sleep(FRAME_SECONDS)

    def summary(self) -> dict[str, Any]:
        """Return what was seen until now: numbers, the alerts' timeline, links, what is missing."""
        now = self._moment
        return {
            "seconds": round(now.elapsed, 1),
            "numbers": asdict(now.numbers) if now.numbers else None,
            "alerts": self._timeline,
            "links": dict(now.links),
            "missing": now.note or None,
        }

    async def _frames(self) -> AsyncIterator[float]:
        began = time.monotonic()
        while self.duration is None or time.monotonic() - began < self.duration:
            yield time.monotonic() - began
            await asyncio.sleep(FRAME_SECONDS)

    def _note_alerts(self, found: list[dict[str, Any]], elapsed: float) -> None:
        """Write down each alert that changed its state since the last look."""
        now: dict[str, AlertState] = {}
        for alert in found:
            labels, annotations = alert["labels"], alert["annotations"]
            windows = "/".join(labels[key] for key in ("long", "short") if key in labels)
            name = f"{labels['alertname']} {windows}".strip()
            now[name] = AlertState(
                name, alert["state"], elapsed, labels["severity"], annotations["runbook_url"]
            )
        for name, gone in self._seen.items():
            if name not in now and gone.state == "firing":
                now[name] = replace(gone, state="resolved", since=elapsed)
            elif name not in now and gone.state == "resolved":
                now[name] = gone
        for name, state in now.items():
            before = self._seen.get(name)
            if before is not None and before.state == state.state:
                now[name] = before
            else:
                self._timeline.append(asdict(replace(state, since=round(elapsed, 1))))
        self._seen = now


def _bundle(url: str) -> dict[str, str]:
    """Render the bundle so that every link leads to the demo's own service."""
    settings = Settings(
        scrape_interval=INTERVAL,
        runbook_url=f"{url}/runbooks",
        grafana_url=url,
        time_scale=TIME_SCALE,
    )
    return render(tune(load(), settings, "demo"), settings)


def _prometheus(home: Path, port: int) -> tuple[Prometheus | None, str]:
    """Return a Prometheus that is ready to start, or none and the reason."""
    try:
        program = find("prometheus", "prometheus")
    except LabError as error:
        return None, f"No rules are evaluated and no alert can fire: {error}"
    return (
        Prometheus(
            home / "prometheus",
            targets={JOB: [f"127.0.0.1:{port}"]},
            rules=sorted((home / "alerts").glob("*.yaml")),
            scrape_interval=INTERVAL,
            rule_interval=INTERVAL,
            program=program,
        ),
        "",
    )


def _scrape(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text: str = answer.read().decode()
        return text
