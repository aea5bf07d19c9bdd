"""The mirrors of one process: news of what nobody reads any more harm nobody."""

import asyncio
import secrets

import pytest
from prometheus_client import CollectorRegistry

from sse_observe.reference import Stream
from sse_observe.reference.redis import RedisStore
from sse_observe.registry import SSEMetrics
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.slow


def test_late_news_of_a_stream_that_nobody_reads_are_nothing(redis_server: RedisServer) -> None:
    """The last reader has left while it was being read again, and the channel still tells of it."""

    async def main() -> None:
        metrics = SSEMetrics(CollectorRegistry())
        prefix = f"t{secrets.token_hex(4)}:"
        store = RedisStore.from_url(redis_server.url, prefix=prefix, metrics=metrics)
        await store.create(Stream("s", "epoch-of-s"), writer="w")
        mirrors = store._mirrors
        async with store.watch("s", lambda: None):
            late = mirrors._mirrors["s"].take
            mirrors._filling["s"] = asyncio.ensure_future(asyncio.sleep(60))
        late(b"epoch-of-s 7 o 1\nx")
        assert mirrors._mirrors == {}
        await store.aclose()

    asyncio.run(main())
