"""
The cost of an append to Redis, beside a bare pipeline of 64 XADDs of the same bytes.

`python tests/bench/store.py` prints appends per second of both, and their ratio. Rounds are
interleaved, and the clock is read, not the CPU: the work is done in two processes.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from sse_observe.reference import Stream, Write
from sse_observe.reference.redis import RedisStore
from sse_observe.registry import SSEMetrics
from sse_observe.wire import encode
from tests.support.redis_server import RedisServer

ROUNDS = 9
PRODUCERS = 100
EACH = 40
PIPELINE = 64
FRAME = encode("x" * 100)


async def bare(client: Redis) -> float:
    """Return appends a second of pipelines that are awaited one after the other."""
    began = time.perf_counter()
    total = PRODUCERS * EACH
    for start in range(0, total, PIPELINE):
        pipeline = client.pipeline(transaction=False)
        for n in range(start, min(start + PIPELINE, total)):
            pipeline.xadd(f"bare:{n % PRODUCERS}", {"d": FRAME})
        await pipeline.execute()
    return total / (time.perf_counter() - began)


async def ours(store: RedisStore, names: list[str], start: int) -> float:
    """Return appends a second of so many producers, each of which awaits its own."""

    async def produce(name: str) -> None:
        for n in range(start, start + EACH):
            await store.write(name, Write("w", n - 1, (FRAME,)))

    began = time.perf_counter()
    await asyncio.gather(*map(produce, names))
    return PRODUCERS * EACH / (time.perf_counter() - began)


async def compared(url: str) -> dict[str, float]:
    """Return the figures of both, each the median of its rounds."""
    store = RedisStore.from_url(url, metrics=SSEMetrics(CollectorRegistry()))
    client = Redis.from_url(url)
    names = [f"s{n}" for n in range(PRODUCERS)]
    for name in names:
        await store.create(Stream(name, f"epoch{name}"), writer="w")
    found = [
        (await bare(client), await ours(store, names, number * EACH)) for number in range(ROUNDS)
    ]
    await client.aclose()
    await store.aclose()
    return {
        "bare appends a second": statistics.median(one for one, _ in found),
        "our appends a second": statistics.median(two for _, two in found),
        "ratio": statistics.median(two / one for one, two in found),
    }


def measure() -> dict[str, float]:
    """Compare both on a Redis of their own."""
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        return asyncio.run(compared(server.url))


if __name__ == "__main__":
    for name, figure in measure().items():
        print(f"{name:24} {figure:12.2f}")
