"""A deploy of a whole fleet: three hosts of one Redis are rolled under real consumers."""

import asyncio
import itertools
import random
import resource
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from sse_observe.consumer import Gap, aiohttp_transport, resume_stream
from sse_observe.lab.programs.cutting_proxy import Connection, CuttingProxy, dial_port
from sse_observe.lab.programs.process import free_port
from sse_observe.registry import SSEMetrics
from tests.apps.rolled_host import WORDS
from tests.support.left_answers import begun
from tests.support.redis_server import RedisServer
from tests.support.servers import ServerProcess, serve_process
from tests.support.waiting import wait_until

APP = "tests.apps.rolled_host:app"
HOSTS = 3
# As a deploy gives a host: it says goodbye within that, or is killed.
GRACE = ("--timeout-graceful-shutdown", "5")


class Fleet:
    """The hosts, and a balancer that asks each in turn and knows no sessions."""

    def __init__(self, url: str, pause: float, stack: ExitStack) -> None:
        self.env = {"SSE_OBSERVE_STORE": url, "PAUSE_SECONDS": str(pause)}
        self.ports = [free_port() for _ in range(HOSTS)]
        self.hosts = [stack.enter_context(self._host(port)) for port in self.ports]
        self.connects: list[float] = []
        self._stack = stack
        self._turn = itertools.count()

    @contextmanager
    def _host(self, port: int) -> Iterator[ServerProcess]:
        with serve_process(APP, *GRACE, port=port, env=self.env) as host:
            yield host

    async def dial(self) -> Connection:
        """Connect to the next host that is there."""
        self.connects.append(time.monotonic())
        for _ in range(HOSTS):
            try:
                return await dial_port(self.ports[next(self._turn) % HOSTS])()
            except OSError:
                continue
        raise ConnectionError("no host is there")

    def roll(self) -> None:
        """Replace one host after the other."""
        for number, host in enumerate(self.hosts):
            host.terminate()
            host.wait()
            self.hosts[number] = self._stack.enter_context(self._host(self.ports[number]))


@dataclass
class Seen:
    """All that one consumer got."""

    words: list[int] = field(default_factory=list)
    gaps: int = 0


async def consume(session: aiohttp.ClientSession, url: str, seen: Seen, come_within: float) -> None:
    """Read one answer to its end, whatever happens to its hosts."""
    await asyncio.sleep(random.uniform(0, come_within))
    name = await begun(session, f"{url}/streams")
    stream = resume_stream(
        f"{url}/streams/{name}?resumable=1",
        transport=aiohttp_transport(session),
        dense_ids=True,
        metrics=SSEMetrics(CollectorRegistry()),
        max_retries=100,
    )
    async with stream:
        async for event in stream:
            if isinstance(event, Gap):
                seen.gaps += 1
            elif event.type == "message":
                seen.words.append(int(event.data))


def deployed(
    consumers: int, folder: Path, *, pause: float, come_within: float
) -> tuple[list[Seen], list[float]]:
    """Roll the fleet under so many consumers; return what each got, and the connects."""
    with ExitStack() as programs:
        redis = programs.enter_context(RedisServer(folder / "redis"))
        fleet = Fleet(redis.url, pause, programs)
        seen = [Seen() for _ in range(consumers)]

        async def main() -> None:
            async with AsyncExitStack() as stack:
                balancer = await stack.enter_async_context(CuttingProxy(fleet.dial))
                connector = aiohttp.TCPConnector(limit=0)
                session = await stack.enter_async_context(
                    aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout())
                )
                reading = [
                    asyncio.ensure_future(consume(session, balancer.url, one, come_within))
                    for one in seen
                ]
                # An answer whose host goes before it has a name would be none of the deploy's.
                await asyncio.sleep(come_within)
                await asyncio.to_thread(
                    wait_until, lambda: all(one.words for one in seen), "all read", 300
                )
                fleet.connects.clear()
                await asyncio.to_thread(fleet.roll)
                async with asyncio.timeout(900):
                    await asyncio.gather(*reading)

        asyncio.run(main())
        return seen, fleet.connects


def check(consumers: int, folder: Path, *, pause: float, come_within: float) -> None:
    """Hold the deploy against what was stated: all of it, once, in order."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    seen, connects = deployed(consumers, folder, pause=pause, come_within=come_within)
    a_second = Counter(int(at) for at in connects)
    print(
        f"{consumers} consumers, {HOSTS} hosts rolled: {len(connects)} connects, at most "
        f"{max(a_second.values())} in one second, over {len(a_second)} seconds"
    )
    assert [one.gaps for one in seen] == [0] * consumers
    assert [one.words for one in seen] == [list(range(WORDS))] * consumers
    # Every host is rolled, so every consumer came back at least once.
    assert len(connects) >= consumers


@pytest.mark.slow
@pytest.mark.long
def test_a_fleet_is_rolled_and_nobody_notices(tmp_path: Path) -> None:
    """All answers whole, none begun twice, no word twice and none missing."""
    check(60, tmp_path, pause=0.2, come_within=5)


@pytest.mark.prove
def test_three_hosts_of_a_thousand_consumers_each_are_rolled(tmp_path: Path) -> None:
    """The same with 3,000: the peak of their return and its spread are printed."""
    check(3000, tmp_path, pause=2.5, come_within=60)
