"""
From an append to another host's clients: a thousand readers, two thousand events a second.

`python -m tests.bench.store_delivery` prints milliseconds. All producers run in one process, all
readers are connected to another, and beside them bare redis-py publishes to itself: what it takes
is the machine's share.
"""

import asyncio
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from redis.asyncio import Redis

from tests.support.left_answers import begun
from tests.support.redis_server import RedisServer
from tests.support.servers import ServerProcess, serve_process

APP = "tests.apps.stream_host:app"
READERS = 1000
PAUSE_SECONDS = 0.5
WINDOWS, WINDOW_SECONDS = 10, 4
AT_ONCE = 50

Figures = dict[str, float]


class Reader(asyncio.Protocol):
    """One client; adds to `waits` how long each event took to come here."""

    def __init__(self, path: str, waits: list[float]) -> None:
        self._request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        self._waits = waits

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Hold each event's time against the clock; each comes in one piece."""
        now = time.monotonic()
        for line in data.split(b"\n"):
            if line.startswith(b"data: "):
                self._waits.append(now - float(line.rpartition(b" ")[2]))


async def bare(url: str, waits: list[float]) -> None:
    """Publish to ourselves, again and again."""
    client = Redis.from_url(url)
    heard = client.pubsub(ignore_subscribe_messages=True)
    await heard.subscribe("bare")
    try:
        while True:
            await client.publish("bare", str(time.monotonic()))
            while (message := await heard.get_message(timeout=1)) is None:
                pass
            waits.append(time.monotonic() - float(message["data"]))
            await asyncio.sleep(0.02)
    finally:
        await heard.aclose()
        await client.aclose()


def figures_of(waits: list[float], controls: list[float]) -> Figures:
    """Return milliseconds of one window, and how many events came in a second."""
    found = statistics.quantiles(waits, n=100)
    control = statistics.quantiles(controls, n=100)
    return {
        "p50": found[49] * 1000,
        "p99": found[98] * 1000,
        "bare p50": control[49] * 1000,
        "bare p99": control[98] * 1000,
        "events a second": len(waits) / WINDOW_SECONDS,
    }


async def delivered(redis: str, producing: ServerProcess, reading: ServerProcess) -> list[Figures]:
    """Begin at one host, read at the other; return the figures of each window."""
    url = f"{producing.url}/streams?total=100000&pause={PAUSE_SECONDS}"
    slots = asyncio.Semaphore(AT_ONCE)
    waits: list[float] = []
    controls: list[float] = []
    loop = asyncio.get_running_loop()
    port = urlsplit(reading.url).port
    transports = []

    async def one(session: aiohttp.ClientSession) -> None:
        async with slots:
            name = await begun(session, url)
            made = await loop.create_connection(
                lambda: Reader(f"/streams/{name}", waits), "127.0.0.1", port
            )
            transports.append(made[0])

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        await asyncio.gather(*(one(session) for _ in range(READERS)))
    control = asyncio.ensure_future(bare(redis, controls))
    found = []
    await asyncio.sleep(WINDOW_SECONDS)
    for _ in range(WINDOWS):
        waits.clear()
        controls.clear()
        await asyncio.sleep(WINDOW_SECONDS)
        found.append(figures_of([*waits], [*controls]))
    control.cancel()
    await asyncio.wait([control])
    for transport in transports:
        transport.abort()
    return found


def measure() -> list[Figures]:
    """Measure over a Redis and two hosts of our own."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        redis = stack.enter_context(RedisServer(Path(folder)))
        env = {"SSE_OBSERVE_STORE": redis.url, "LEASE_SECONDS": "15"}
        options = ("--no-access-log", "--backlog", "4096")
        one, other = (stack.enter_context(serve_process(APP, *options, env=env)) for _ in "ab")
        return asyncio.run(delivered(redis.url, one, other))


def line_of(figures: Figures) -> str:
    """Return one window as a line."""
    return ", ".join(f"{name} {figure:.2f}" for name, figure in figures.items())


if __name__ == "__main__":
    for window in measure():
        print(line_of(window))
