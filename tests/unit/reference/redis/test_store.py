"""The store in Redis: the contract of all stores, and what it alone does."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

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
