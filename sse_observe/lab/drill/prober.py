"""A prober that asks a drill's service through a balancer, which the fault takes away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from sse_observe.lab.drill.switch import Switch
from sse_observe.lab.programs.cutting_proxy import CuttingProxy, dial_port
from sse_observe.lab.programs.server import Server
from sse_observe.probe.app import ProbeApp
from sse_observe.probe.prober import Prober
from sse_observe.probe.schedule import Schedule

INTERVAL_SECONDS = 5.0
_WATCH_SECONDS = 0.5


@asynccontextmanager
async def asked_through_a_balancer(
    port: int, path: str, switch: Switch, home: Path, *, interval: float = INTERVAL_SECONDS
) -> AsyncIterator[str]:
    """Probe a service on loopback through a balancer; give the address that exports it."""
    async with CuttingProxy(dial_port(port)) as balancer:
        switch.listeners.append(lambda on: balancer.close() if on else balancer.open())
        prober = Prober(_config(home, f"{balancer.url}{path}", interval))
        schedule = Schedule(prober)
        with Server(ProbeApp(prober)) as server:
            schedule.apply()
            try:
                yield server.url.removeprefix("http://")
            finally:
                await schedule.stop()


def _config(home: Path, url: str, interval: float) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    path = home / "probes.yaml"
    target = {"name": "balancer", "url": url, "module": "feed", "interval": interval}
    modules = {"feed": {"seconds": _WATCH_SECONDS, "timeout_seconds": 3}}
    path.write_text(yaml.safe_dump({"modules": modules, "targets": [target]}))
    return path
