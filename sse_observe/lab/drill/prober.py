"""A prober that asks a drill's service through a balancer, which is what the fault breaks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from sse_observe.lab.drill.balancer import Balancer, Kind, balancing
from sse_observe.lab.drill.switch import Switch
from sse_observe.lab.programs.server import Server
from sse_observe.probe.app import ProbeApp
from sse_observe.probe.prober import Prober
from sse_observe.probe.schedule import Schedule

INTERVAL_SECONDS = 5.0
# Long enough to see that events come in bursts.
_WATCH_SECONDS = 2.0


@asynccontextmanager
async def asked_through_a_balancer(
    kind: Kind,
    port: int,
    path: str,
    switch: Switch,
    home: Path,
    *,
    interval: float = INTERVAL_SECONDS,
) -> AsyncIterator[str]:
    """Probe a service on loopback through a balancer; give the address that exports it."""
    async with balancing(kind, port, switch, home) as balancer:
        prober = Prober(_config(home, balancer, path, interval))
        schedule = Schedule(prober)
        with Server(ProbeApp(prober)) as server:
            schedule.apply()
            try:
                yield server.url.removeprefix("http://")
            finally:
                await schedule.stop()


def _config(home: Path, balancer: Balancer, path: str, interval: float) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    file = home / "probes.yaml"
    url = f"{balancer.url}{path}"
    target = {"name": "balancer", "url": url, "module": "feed", "interval": interval}
    module: dict[str, object] = {"seconds": _WATCH_SECONDS}
    if balancer.certificates is not None:
        module["ca"] = str(balancer.certificates)
    file.write_text(yaml.safe_dump({"modules": {"feed": module}, "targets": [target]}))
    return file
