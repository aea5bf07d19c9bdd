"""
The cost of an observed client over the bare one, in the same run, without a network.

Rounds of both take turns, and the best of each is compared: on a shared machine only the best is
the program's own. A stream's cost is what is left of three chunks without what a chunk costs among
hundreds; so reading the first and the last of a protocol, whose JSON is decoded, is the stream's.
"""

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, observe_client
from tests.support.upstreams import ASKS, CHUNK, DONE, STOP, Body, answer

# As OpenAI writes a chunk today.
LONG = b'data: {"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk",'
LONG += b'"created":1741569952,"model":"gpt-4.1-2025-04-14","service_tier":"default",'
LONG += b'"system_fingerprint":"fp_10c08bf97d",'
LONG += b'"choices":[{"index":0,"delta":{%s},"logprobs":null,"finish_reason":%s}],"usage":null}\n\n'
SHAPES = {
    "plain": (b"data: x\n\n", b"data: y\n\n"),
    "openai-chat": (CHUNK, STOP + DONE),
    "openai-chat, long": (LONG % (b'"content":"a"', b"null"), LONG % (b"", b'"stop"') + DONE),
}

# A figure, not a pass or a fail: `make bench` asks for it, `make test` does not.
pytestmark = [pytest.mark.slow, pytest.mark.prove]

MICROSECOND = 1e-6
# Of the bare client's time. A chunk costs it 0.5 µs here, which is next to nothing.
MOST_OF_MANY_CHUNKS = 6
MOST_OF_A_STREAM = 2
ROUNDS = 20
# As many ends are counted at once: each round counts all of its own.
STREAMS = 32
Read = Callable[[object], None]


def sync_reads(client: httpx.Client) -> None:
    """Read some streams with the client of threads."""
    for _ in range(STREAMS):
        with client.stream("POST", "http://model/", json=ASKS) as response:
            for _ in response.iter_raw():
                pass


async def async_reads(client: httpx.AsyncClient) -> None:
    """Read some streams with the client of asyncio."""
    for _ in range(STREAMS):
        async with client.stream("POST", "http://model/", json=ASKS) as response:
            async for _ in response.aiter_raw():
                pass


def seconds(how: str, shape: str, clients: list[object], chunks: int) -> list[float]:
    """Return the least time of a stream with so many chunks, for each client."""
    chunk, last = SHAPES[shape]
    body = Body(*[chunk] * chunks, last)
    best = [float("inf")] * len(clients)
    with asyncio.Runner() as runner:
        for _ in range(ROUNDS):
            for number, client in enumerate(clients):
                inner = getattr(client._transport, "_inner", client._transport)
                inner.handler = answer(body)
                began = time.process_time()
                if how == "sync":
                    sync_reads(client)
                else:
                    runner.run(async_reads(client))
                best[number] = min(best[number], (time.process_time() - began) / STREAMS)
    return best


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_chunk_and_a_stream_cost_microseconds(how: str, shape: str) -> None:
    """Both are counted beside the bare client, and bounded as ratios to it."""
    metrics = SSEMetrics(CollectorRegistry())
    kind = httpx.Client if how == "sync" else httpx.AsyncClient
    bare, observed = (kind(transport=httpx.MockTransport(lambda _: None)) for _ in range(2))
    observe_client(observed, "model", metrics=metrics)

    few = seconds(how, shape, [bare, observed], 2)
    many = seconds(how, shape, [bare, observed], 402)
    chunk = ((many[1] - many[0]) - (few[1] - few[0])) / 400
    stream = few[1] - few[0] - 3 * chunk
    print(
        f"\n{how}, {shape}: {chunk / MICROSECOND:.2f} µs a chunk (limit 2), "
        f"{stream / MICROSECOND:.1f} µs a stream (limit 30); "
        f"{many[1] / many[0]:.2f} times a stream of 403 chunks, "
        f"{few[1] / few[0]:.2f} times one of three ({few[0] / MICROSECOND:.0f} µs bare)"
    )

    assert many[1] / many[0] <= MOST_OF_MANY_CHUNKS
    assert few[1] / few[0] <= MOST_OF_A_STREAM
