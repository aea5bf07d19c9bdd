"""
The headline numbers of the brief, under its conditions: many users over 3G-like links.

`python tests/bench/headline.py [USERS]` runs our client in node, a real server, and between them
links with 100 ms each way and a limited rate that break now and then. Prints what users saw
beside what the server's metrics say.
"""

import asyncio
import json
import random
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from sse_observe import SSEMetrics  # noqa: E402
from sse_observe.lab.programs.server import Server  # noqa: E402
from sse_observe.reference import MemoryStore  # noqa: E402
from tests.apps.site import counting, site  # noqa: E402

ONE_WAY_SECONDS = 0.1
# 400 kbit/s, as browsers' developer tools call Slow 3G, for each link.
BYTES_PER_SECOND = 50_000
# A link breaks after half a minute on average: every third stream of the run is cut.
MEAN_LIFE_SECONDS = 30.0
EVENTS = 60
EVENT_SECONDS = 0.25


class Links:
    """Slow links to one server, each of which breaks in its time."""

    def __init__(self, upstream: str, seed: int) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname, parts.port)
        self._chance = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self.cut = 0
        self.url = ""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait(10)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._carry, "127.0.0.1", 0, backlog=1000)
        )
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        self._loop.run_forever()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, there = await asyncio.open_connection(*self._upstream)
        life = asyncio.timeout(self._chance.expovariate(1 / MEAN_LIFE_SECONDS))
        try:
            with suppress(OSError, TimeoutError):
                async with life:
                    ways = (self._pour(reader, there), self._pour(back, writer))
                    await asyncio.gather(*ways)
        finally:
            self.cut += life.expired()
            writer.transport.abort()
            there.transport.abort()

    async def _pour(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand bytes on after the link's delay, no faster than its rate."""
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def arrive() -> None:
            while True:
                at, chunk = await on_the_way.get()
                await asyncio.sleep(max(0.0, at - self._loop.time()))
                if not chunk:
                    writer.write_eof()
                    return
                writer.write(chunk)
                await writer.drain()

        arriving = asyncio.ensure_future(arrive())
        try:
            free_at = 0.0
            while True:
                chunk = await reader.read(16_384)
                free_at = max(free_at, self._loop.time()) + len(chunk) / BYTES_PER_SECOND
                on_the_way.put_nowait((free_at + ONE_WAY_SECONDS, chunk))
                if not chunk:
                    await arriving
                    return
        finally:
            arriving.cancel()


def measure(users: int = 200) -> dict[str, Any]:
    """Return what the users saw, and what the metrics say of it."""
    metrics = SSEMetrics(CollectorRegistry())
    app = site(
        counting(EVENTS, EVENT_SECONDS),
        metrics,
        store=MemoryStore(max_streams=2 * users),
        heartbeat_seconds=5,
    )
    with Server(app) as server:
        links = Links(server.url, seed=3)
        done = subprocess.run(
            [shutil.which("node") or "node", str(HERE / "users.mjs"), links.url, str(users)],
            check=True,
            capture_output=True,
            text=True,
            timeout=300,
        )
    seen: dict[str, Any] = json.loads(done.stdout)
    read = {
        (sample.name, sample.labels.get("outcome"), sample.labels.get("start")): 0.0
        for family in metrics.registry.collect()
        for sample in family.samples
    }
    for family in metrics.registry.collect():
        for sample in family.samples:
            key = (sample.name, sample.labels.get("outcome"), sample.labels.get("start"))
            read[key] += sample.value
    reconnects = read["sse_reconnect_time_seconds_count", None, None]
    return {
        **seen,
        "links_cut": links.cut,
        "completion_percent": 100 * seen["completed"] / seen["users"],
        "reported_completed": read["sse_client_streams_total", "completed", None],
        "reported_events": read["sse_client_events_received_total", None, None],
        "reported_mean_reconnect_seconds": read["sse_reconnect_time_seconds_sum", None, None]
        / max(reconnects, 1),
        "streams_started": read["sse_streams_opened_total", None, "fresh"],
    }


if __name__ == "__main__":
    for name, figure in measure(int(sys.argv[1]) if len(sys.argv) > 1 else 200).items():
        print(f"{name:34} {figure:10.3f}")
