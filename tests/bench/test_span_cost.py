"""
The cost of a span per stream over the same middleware without, in the same run.

Rounds of both take turns, and the best of each is compared: on a shared machine only the best is
the program's own. The tracer is OpenTelemetry's own; its exporter drops what it gets.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import (
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, observe_client
from tests.support.asgi import END, body, http_scope, start
from tests.support.upstreams import ASKS, CHUNK, DONE, WHOLE, Body, answer

# A figure, not a pass or a fail: `make bench` asks for it, `make test` does not.
pytestmark = [pytest.mark.slow, pytest.mark.prove]

MICROSECOND = 1e-6
ROUNDS = 40
# Ends are counted by 32: each round counts all of its own.
STREAMS = 64
# Of what OpenTelemetry itself takes for such a span, in the same place. Measured 1.05 to 1.23.
MOST_OF_THE_SDK = 1.5


class Dropped(SpanExporter):
    """An exporter that costs nothing."""

    def export(self, spans: Any) -> SpanExportResult:
        """Drop them."""
        return SpanExportResult.SUCCESS


def seconds(*ways: Callable[[], None]) -> list[float]:
    """Return the least time of a stream in each way."""
    best = [float("inf")] * len(ways)
    for _ in range(ROUNDS):
        for number, way in enumerate(ways):
            began = time.process_time()
            way()
            best[number] = min(best[number], (time.process_time() - began) / STREAMS)
    return best


@pytest.fixture
def tracer(monkeypatch: pytest.MonkeyPatch) -> trace.Tracer:
    """Return a tracer of OpenTelemetry's, which everybody here gets."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Dropped()))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return provider.get_tracer("theirs")


async def nothing(_: object = None) -> None:
    """Take what is sent."""


class ByHand:
    """The same span for each stream as ours, written by the application itself."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def __enter__(self) -> None:
        self._span = self._tracer.start_span("stream", attributes={"sse.route": "/s"})

    def __exit__(self, *_: object) -> None:
        facts = {"sse.outcome": "completed", "sse.verdict": "good", "sse.events": 3}
        self._span.set_attributes({**facts, "sse.bytes": 99, "sse.protocol": "openai-chat"})
        self._span.add_event("sse.first_content")
        self._span.end()


def served(*, spans: bool, beside: Any) -> Callable[[], None]:
    """Return what serves some streams, with something else around each."""

    async def app(_: object, __: object, send: Any) -> None:
        with beside:
            await send(start())
            await send(body(CHUNK))
            await send(body(DONE))
            await send(END)

    observed = SSEObserveMiddleware(app, metrics=SSEMetrics(CollectorRegistry()), spans=spans)
    scope = http_scope()

    async def main() -> None:
        for _ in range(STREAMS):
            await observed(dict(scope), nothing, nothing)
        observed._tracker.buffer.count_pending()

    return lambda: asyncio.run(main())


def consumed(*, spans: bool, beside: Any) -> Callable[[], None]:
    """Return what reads some streams, with something else around each."""
    transport = httpx.MockTransport(answer(Body(*WHOLE)))
    metrics = SSEMetrics(CollectorRegistry())
    client = observe_client(
        httpx.Client(transport=transport), "model", metrics=metrics, spans=spans
    )

    # Where a loop ticks, ends are counted some at a time.
    async def main() -> None:
        for _ in range(STREAMS):
            with beside, client.stream("POST", "http://model/", json=ASKS) as response:
                for _ in response.iter_raw():
                    pass

    return lambda: asyncio.run(main())


@pytest.mark.parametrize("way", [served, consumed])
def test_a_span_costs_a_stream_microseconds(tracer: trace.Tracer, way: Any) -> None:
    """Its cost is what OpenTelemetry takes for it in the same place, and little more."""
    bare, with_span, by_hand = seconds(
        way(spans=False, beside=nullcontext()),
        way(spans=True, beside=nullcontext()),
        way(spans=False, beside=ByHand(tracer)),
    )
    span, alone = with_span - bare, by_hand - bare
    print(
        f"\n{way.__name__}: {span / MICROSECOND:.1f} µs a span (limit 60), of which OpenTelemetry's"
        f" own {alone / MICROSECOND:.1f} and ours {(span - alone) / MICROSECOND:.1f} µs, "
        f"{span / alone:.2f} times its own; a stream without one {bare / MICROSECOND:.1f} µs"
    )

    assert span <= MOST_OF_THE_SDK * alone
