"""A scripted server for consumers: gives the answers of its script, in virtual time."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics
from sse_observe.consumer import Event, Gap, Request, Response, resume_stream
from sse_observe.wire import encode
from tests.support.virtual import now

EPOCH = "abcdefghijklmnop"
URL = "http://server.test/api/v1/stream"
DONE = encode("{}", event="done")
HANG = 1e6


def hello(**fields: Any) -> bytes:
    known = {"stream": None, "resumed_from": None, "replayed": 0, "lost": 0}
    return encode(json.dumps({**known, **fields}), event="sse.hello")


def payload(seq: int, epoch: str = EPOCH) -> bytes:
    return encode(f"w{seq}", id=f"{seq}-{epoch}")


def beat(at_ms: int | None = None) -> bytes:
    return encode(json.dumps({"t": at_ms}), event="heartbeat")


class Answer:
    """One scripted answer: bytes to give, seconds to wait, errors to raise, then its end."""

    def __init__(
        self,
        *steps: bytes | float | Exception,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        after: float = 0,
    ) -> None:
        self.steps = steps
        self.status = status
        self.headers = {"content-type": "text/event-stream", **(headers or {})}
        self.after = after


class Server:
    """Answers in the order of its script; the last one for ever. Remembers what was asked."""

    def __init__(self, *script: Answer | Exception) -> None:
        self.script = script
        self.asked: list[tuple[float, str, dict[str, str]]] = []
        self.requests: list[Request] = []
        self.open = 0

    @asynccontextmanager
    async def __call__(self, request: Request) -> AsyncIterator[Response]:
        answer = self.script[min(len(self.asked), len(self.script) - 1)]
        self.asked.append((now(), request.url, dict(request.headers)))
        self.requests.append(request)
        if isinstance(answer, Exception):
            raise answer
        await asyncio.sleep(answer.after)
        self.open += 1
        try:
            yield Response(answer.status, answer.headers, self._chunks(answer))
        finally:
            self.open -= 1

    async def _chunks(self, answer: Answer) -> AsyncIterator[bytes]:
        for step in answer.steps:
            if isinstance(step, bytes):
                yield step
            elif isinstance(step, Exception):
                raise step
            else:
                await asyncio.sleep(step)

    @property
    def cursors(self) -> list[str | None]:
        """The Last-Event-ID of each request."""
        return [headers.get("Last-Event-ID") for _, _, headers in self.asked]

    @property
    def waits(self) -> list[float]:
        """The time between one request and the next."""
        times = [at for at, _, _ in self.asked]
        return [round(b - a, 6) for a, b in itertools.pairwise(times)]


class Reading:
    """All that one consumer got of a scripted server."""

    def __init__(self, server: Server, url: str = URL, **options: Any) -> None:
        self.registry = CollectorRegistry()
        self.statuses: list[tuple[str, int]] = []
        self.server = server
        self.reasons: list[str] = []

        def shown(status: str, attempt: int, why: str) -> None:
            self.statuses.append((status, attempt))
            self.reasons.append(why)

        options.setdefault("on_status", shown)
        self.stream = resume_stream(
            url,
            route="/stream",
            metrics=SSEMetrics(self.registry),
            transport=server,
            clock=now,
            random=lambda: 0.5,
            **options,
        )
        self.items: list[Event | Gap] = []

    async def all(self) -> "Reading":
        async for item in self.stream:
            self.items.append(item)
        return self

    @property
    def got(self) -> list[Any]:
        """The payload texts, and the gaps between them."""
        return [item.data if isinstance(item, Event) else item for item in self.items]

    def count(self, name: str, **labels: str) -> float:
        """The sum of a family's samples that carry these labels."""
        return sum(
            sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == name
            and sample.labels.get("route") == "/stream"
            and labels.items() <= sample.labels.items()
        )


def words(*seqs: int) -> list[str]:
    return [f"w{seq}" for seq in seqs]
