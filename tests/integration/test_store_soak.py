"""An hour of two hosts over one Redis, in minutes: an answer a second, and nothing stays of it."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from sse_observe.consumer import Gap, aiohttp_transport, resume_stream
from sse_observe.lab.programs.cutting_proxy import Connection, CuttingProxy, dial_port
from sse_observe.registry import SSEMetrics
from tests.support.left_answers import begun
from tests.support.redis_server import RedisServer
from tests.support.servers import ServerProcess, serve_process
from tests.support.waiting import until

APP = "tests.apps.stream_host:app"
WORDS, PAUSE_SECONDS = 20, 0.1
# In each third of the hour; what is held after the first holds for the others.
ANSWERS = 1200
AT_ONCE = 60
IDLE_SECONDS = 20
# A host remembers of ten thousand streams who came back and what was lost: three blocks for each.
# A task, a reader or a generator that stays would be ten times as many.
MOST_BLOCKS_EACH = 5
MOST_REDIS_BYTES = 100_000


@dataclass(frozen=True)
class Rest:
    """All that is held once every answer is over and forgotten."""

    blocks: tuple[int, ...]
    files: tuple[int, ...]
    connections: int
    redis_bytes: int


class Soak:
    """Two hosts, a balancer that cuts connections, and consumers that come back."""

    def __init__(self, redis: RedisServer, hosts: list[ServerProcess]) -> None:
        self._redis = redis
        self._hosts = hosts
        self._turn = itertools.count()
        self._metrics = SSEMetrics(CollectorRegistry())
        self._random = random.Random(13)
        self.cuts = 0
        self.most_connections = 0

    async def _dial(self) -> Connection:
        port = int(self._hosts[next(self._turn) % 2].url.rpartition(":")[2])
        return await dial_port(port)()

    def _lifetime(self) -> float | None:
        """Cut every other connection in the middle."""
        if self._random.random() < 0.5:
            return None
        self.cuts += 1
        return self._random.uniform(0.1, WORDS * PAUSE_SECONDS)

    async def answers(self, session: aiohttp.ClientSession, balancer: str, count: int) -> None:
        """Let so many answers be given and read, each whole and once."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            async with slots:
                host = self._hosts[number % 2].url
                query = f"total={WORDS}&pause={PAUSE_SECONDS}"
                name = await begun(session, f"{host}/streams?{query}")
                found = [word async for word in self._words(session, f"{balancer}/streams/{name}")]
                assert found == list(range(WORDS))

        await asyncio.gather(*map(one, range(count)))

    async def _words(self, session: aiohttp.ClientSession, url: str) -> AsyncIterator[int]:
        stream = resume_stream(
            f"{url}?resumable=1",
            transport=aiohttp_transport(session),
            dense_ids=True,
            metrics=self._metrics,
            max_retries=100,
        )
        async with stream:
            async for event in stream:
                assert not isinstance(event, Gap)
                if event.type == "message" and event.data != "[DONE]":
                    yield int(event.data.partition(" ")[0])

    async def disturb(self) -> None:
        """Count connections, and cut the hosts' news once in a while."""
        client = self._redis.client
        for second in itertools.count(1):
            await asyncio.sleep(1)
            self.most_connections = max(self.most_connections, self._redis.connections())
            if second % 15 == 0:
                client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

    async def rest(self, session: aiohttp.ClientSession) -> Rest:
        """Wait until no stream is held, and look at what is."""
        client = self._redis.client
        await until(lambda: not list(client.scan_iter("*{*")), "all streams are forgotten")
        # Its log of slow commands grows while the machine is busy.
        client.slowlog_reset()
        held = []
        for host in self._hosts:
            async with session.get(f"{host.url}/held") as answer:
                held.append(await answer.json())
        return Rest(
            tuple(one["blocks"] for one in held),
            tuple(one["files"] for one in held),
            self._redis.connections(),
            client.info("memory")["used_memory"],
        )


@asynccontextmanager
async def behind_a_balancer(soak: Soak) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """Give a session, and the address that is asked."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with (
        CuttingProxy(soak._dial, soak._lifetime) as balancer,
        aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout()) as session,
    ):
        disturbing = asyncio.ensure_future(soak.disturb())
        try:
            yield session, balancer.url
        finally:
            disturbing.cancel()
            await asyncio.wait([disturbing])


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_an_hour_leaves_nothing(tmp_path: Path) -> None:
    """Each answer comes whole and once over many cuts; memory, files and connections stay."""
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(tmp_path / "redis"))
        env = {
            "SSE_OBSERVE_STORE": redis.url,
            "IDLE_SECONDS": str(IDLE_SECONDS),
            "LEASE_SECONDS": "15",
        }
        logs = [tmp_path / "one.log", tmp_path / "other.log"]
        hosts = [stack.enter_context(serve_process(APP, env=env, log=log)) for log in logs]
        soak = Soak(redis, hosts)

        async def main() -> list[Rest]:
            rests = []
            async with behind_a_balancer(soak) as (session, balancer):
                for _ in range(3):
                    await soak.answers(session, balancer, ANSWERS)
                    rests.append(await soak.rest(session))
            return rests

        rests = asyncio.run(main())
    for log in logs:
        assert "Traceback" not in log.read_text(), log.read_text()
    print(f"{3 * ANSWERS} answers, {soak.cuts} connections cut")
    print(*rests, sep="\n")
    first, last = rests[0], rests[-1]
    for before, after in zip(first.blocks, last.blocks, strict=True):
        assert after - before <= MOST_BLOCKS_EACH * 2 * ANSWERS
    assert last.redis_bytes - first.redis_bytes <= MOST_REDIS_BYTES
    assert max(rest.connections for rest in rests) <= 3 * len(hosts)
    assert max(last.files) <= max(first.files) + 2
    assert soak.most_connections <= 3 * len(hosts)
    assert soak.cuts > ANSWERS
