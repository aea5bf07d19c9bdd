"""An application of `ResumableStreams` without a framework, in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics
from sse_observe.reference import MemoryStore, ResumableStreams
from sse_observe.wire import encode
from tests.support.virtual import Visit, now

ASKED = {"sse-resumable": "1"}


class Words:
    """A generator that remembers how far it came, and whether it was closed."""

    def __init__(self, total: int, pause: float = 1.0) -> None:
        self.total = total
        self.pause = pause
        self.produced = 0
        self.closed = 0

    async def __call__(self, start: int = 0) -> AsyncIterator[bytes]:
        try:
            for n in range(start, self.total):
                yield encode(f"w{n}")
                self.produced += 1
                await asyncio.sleep(self.pause)
        finally:
            self.closed += 1


class App:
    """An application of two routes, without a framework."""

    def __init__(self, words: Words | None = None, **options: Any) -> None:
        options.setdefault("store", MemoryStore(clock=now))
        options.setdefault("metrics", SSEMetrics(CollectorRegistry()))
        self.begin = options.pop("begin", {})
        self.words = words or Words(5)
        self.streams = ResumableStreams(**options)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            await self.streams.response(self.words(), **self.begin)(scope, receive, send)
        else:
            name = scope["path"].rpartition("/")[2]
            await self.streams.resume(name)(scope, receive, send)

    def post(self, **headers: str) -> Visit:
        return Visit(self, "/begin", method="POST", headers={**ASKED, **headers})

    def get(self, name: str, **headers: str) -> Visit:
        return Visit(self, f"/streams/{name}", headers={**ASKED, **headers})


async def begun(app: App, words: int = 2) -> tuple[Visit, str]:
    visit = await app.post().until(lambda v: len(v.payloads) >= words)
    return visit, str(visit.hello["stream"])
