"""The store in Redis: the contract of all stores, and what it alone does."""

import asyncio
import operator
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sse_observe.beacon.account import Account
from sse_observe.reference import Stream, StreamStore, Write
from sse_observe.reference.cursor import new_epoch
from sse_observe.reference.redis import RedisStore
from sse_observe.reference.store_contract import StoreContract
from sse_observe.registry import SSEMetrics
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@asynccontextmanager
async def store_of(url: str, **options: Any) -> AsyncIterator[RedisStore]:
    """Give a store under a prefix of its own; nothing of it runs on afterwards."""
    options.setdefault("prefix", f"t{secrets.token_hex(4)}:")
    store = RedisStore.from_url(url, metrics=SSEMetrics(CollectorRegistry()), **options)
    try:
        yield store
    finally:
        await store.aclose()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left


class TestRedisStore(StoreContract):
    """The contract, against a real Redis."""

    @pytest.fixture(autouse=True)
    def _server(self, redis_server: RedisServer) -> None:
        self.url = redis_server.url

    @asynccontextmanager
    async def store(self, **bounds: Any) -> AsyncIterator[StreamStore]:
        async with store_of(self.url, **bounds) as store:
            yield store


def test_reports_are_told_apart_as_one_process_does(redis_server: RedisServer) -> None:
    """The fleet's window over the numbers is the local one, whatever order they come in."""
    numbers = random.Random(7)

    async def main() -> None:
        async with store_of(redis_server.url) as store:
            for reporter in map(str, range(20)):
                local, has_ended = Account(), False
                middle = 1
                for _ in range(100):
                    middle += numbers.choice([0, 1, 1, 2, 30])
                    n = max(1, middle - numbers.randrange(80))
                    ends = numbers.random() < 0.05
                    is_new = not local.has_seen(n)
                    if is_new:
                        local.remember(n)
                    expected = is_new and not (ends and has_ended)
                    has_ended |= is_new and ends
                    found = await store.is_new_report(reporter, n, ends=ends, keep_seconds=60)
                    assert found is expected, (reporter, n)

    asyncio.run(main())


def test_any_host_knows_the_last_report(redis_server: RedisServer) -> None:
    """Whether a client still reports is seen by the host that serves its stream."""

    async def main() -> list[int]:
        url = redis_server.url
        async with store_of(url, prefix="x:") as one, store_of(url, prefix="x:") as other:
            found = [await one.last_report("r")]
            for n in (1, 4, 3):
                await other.is_new_report("r", n, ends=n == 3, keep_seconds=60)
                found.append(await one.last_report("r"))
            return [*found, await one.last_report("another")]

    assert asyncio.run(main()) == [0, 1, 4, 4, 0]


def test_the_memory_of_reports_has_an_end(redis_server: RedisServer) -> None:
    """One short key for each browser tab, for as long as its token holds."""

    async def main() -> None:
        async with store_of(redis_server.url, prefix="seen:") as store:
            for n in (1, 3, 999_999):
                assert await store.is_new_report("r", n, ends=False, keep_seconds=60)
            key = "seen:reporter:r"
            assert 0 < redis_server.client.pttl(key) <= 60_000
            assert redis_server.client.strlen(key) < 80

    asyncio.run(main())


def test_an_event_costs_redis_a_read_for_each_host_at_most(redis_server: RedisServer) -> None:
    """A thousand readers on three hosts have it from what was published."""
    events, readers = 5, 1000

    def reads() -> int:
        calls = redis_server.client.info("commandstats")
        return int(calls.get("cmdstat_lrange", {"calls": 0})["calls"])

    async def main() -> int:
        woken: Counter[int] = Counter()
        metrics = SSEMetrics(CollectorRegistry())
        async with AsyncExitStack() as stack:
            hosts = [
                RedisStore.from_url(redis_server.url, prefix="three:", metrics=metrics)
                for _ in range(3)
            ]
            for host in hosts:
                stack.push_async_callback(host.aclose)
            await hosts[0].create(Stream("s", "epoch-of-s"), writer="w")
            for reader in range(readers):
                watching = hosts[reader % 3].watch("s", partial(woken.update, [reader]))
                await stack.enter_async_context(watching)
            woken.clear()
            before = reads()
            for n in range(events):
                await hosts[0].write("s", Write("w", n - 1, (b"x",)))
                everybody = Counter(dict.fromkeys(range(readers), n + 1))
                await until(partial(operator.eq, woken, everybody), "all are woken")
            for host in hosts:
                found = await host.read("s", -1)
                assert found is not None
                assert len(found.frames) == events
            return reads() - before

    assert asyncio.run(main()) <= 3 * events


@pytest.mark.parametrize(("events", "size"), [(1, 50), (10, 20), (10, 100), (100, 10), (3, 20_000)])
def test_redis_takes_twice_the_bytes_and_a_kilobyte_for_a_stream(
    redis_server: RedisServer, events: int, size: int
) -> None:
    """With the keys that lead to it."""
    streams = 20
    client = redis_server.client

    async def main() -> int:
        async with store_of(redis_server.url, prefix="of memory:") as store:
            for _ in range(streams):
                name, writer = secrets.token_urlsafe(16), store.new_writer()
                await store.create(Stream(name, new_epoch()), writer=writer)
                for n in range(events):
                    await store.write(name, Write(writer, n - 1, (b"x" * size,)))
            keys = list(client.scan_iter("of memory:*"))
            taken = sum(client.memory_usage(key, samples=0) for key in keys)
            client.delete(*keys)
            return int(taken)

    assert asyncio.run(main()) <= streams * (2 * events * size + 1024)
