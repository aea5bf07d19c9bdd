"""The store in Redis: the contract of all stores, and what it alone does."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sse_observe.beacon.account import Account
from sse_observe.reference import StreamStore
from sse_observe.reference.redis import RedisStore
from sse_observe.reference.store_contract import StoreContract
from sse_observe.registry import SSEMetrics
from tests.support.redis_server import RedisServer

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
