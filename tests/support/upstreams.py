"""Upstreams under a script, without a network, and what was counted of them and of causes."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from sse_observe import SSEMetrics

CHUNK = (
    b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
)
STOP = (
    b'data: {"object":"chat.completion.chunk",'
    b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
)
DONE = b"data: [DONE]\n\n"
FAILURE = b'data: {"error":{"type":"server_error","code":"overloaded","message":"Later."}}\n\n'
WHOLE = (CHUNK, CHUNK, STOP, DONE)
ASKS = {"model": "m", "stream": True}


def value(metrics: SSEMetrics, name: str, **labels: str) -> float:
    """Return one sample, 0 where it does not exist."""
    return metrics.registry.get_sample_value(name, labels) or 0.0


def ends(metrics: SSEMetrics, upstream: str = "model") -> dict[str, float]:
    """Return how the streams of an upstream have ended, and how many began."""
    found = {
        sample.labels["reason"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "sse_upstream_streams_closed_total"
        and sample.labels["upstream"] == upstream
        and sample.value
    }
    began = value(metrics, "sse_upstream_streams_opened_total", upstream=upstream)
    return found | ({"opened": began} if began else {})


def causes(metrics: SSEMetrics, route: str = "/s") -> dict[str, float]:
    """Return the failed streams of a route by cause."""
    return {
        sample.labels["cause"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "sse_streams_failed_total"
        and sample.labels["route"] == route
        and sample.value
    }


class Body(httpx.AsyncByteStream, httpx.SyncByteStream):
    """A body that brings its chunks, then raises, or ends in order."""

    def __init__(self, *chunks: bytes, error: BaseException | None = None) -> None:
        self.chunks = chunks
        self.error = error
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks
        if self.error is not None:
            raise self.error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk

    def close(self) -> None:
        """Be closed."""
        self.closed += 1

    async def aclose(self) -> None:
        """Be closed."""
        self.closed += 1


def answer(body: Body, status: int = 200, kind: str = "text/event-stream", **headers: str) -> Any:
    """Return what a mock transport asks for an answer."""
    return lambda _: httpx.Response(status, headers={"content-type": kind, **headers}, stream=body)


def client(body: Body, status: int = 200, **more: Any) -> httpx.Client:
    """Return a client whose every request is answered so."""
    return httpx.Client(transport=httpx.MockTransport(answer(body, status, **more)))


def async_client(body: Body, status: int = 200, **more: Any) -> httpx.AsyncClient:
    """Return a client whose every request is answered so."""
    return httpx.AsyncClient(transport=httpx.MockTransport(answer(body, status, **more)))
