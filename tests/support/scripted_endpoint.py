"""The reference endpoint under a script: what it produces, and what was counted of its ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sse_observe import SSEMetrics
from sse_observe.reference import MemoryStore, ReferenceApp, reference_app
from tests.support.virtual import Visit, now

CREATE = "/api/v1/streams"


class Script:
    """A producer that does what the test says, and remembers how it was called."""

    def __init__(self, *steps: str | float | Exception) -> None:
        self.steps = steps
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.closed = 0

    async def __call__(self, stream_id: str, params: Mapping[str, Any]) -> AsyncIterator[str]:
        """Yield texts, wait for numbers, raise what is to be raised."""
        self.calls.append((stream_id, params))
        try:
            for step in self.steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, str):
                    yield step
                else:
                    await asyncio.sleep(step)
        finally:
            self.closed += 1


def words(n: int, pause: float = 1.0) -> Script:
    """Return a producer of n events, one per pause."""
    steps: list[str | float | Exception] = []
    for i in range(n):
        steps += [f"w{i}", pause]
    return Script(*steps)


def endpoint(produce: Script | None = None, **options: Any) -> ReferenceApp:
    options.setdefault("store", MemoryStore(clock=now))
    return reference_app(produce=produce or words(5), unix_ms=lambda: int(now() * 1000), **options)


async def created(app: ReferenceApp, body: bytes = b"") -> str:
    """Create a stream by POST; return its URL's query."""
    visit = await Visit(app, CREATE, method="POST", body=body).ended()
    assert visit.status == 201
    return str(json.loads(visit.body)["url"]).partition("?")[2]


def kinds(visit: Visit) -> list[str]:
    return [event.type for event in visit.events]


def closed_by_reason(metrics: SSEMetrics) -> dict[str, int]:
    list(metrics.registry.collect())
    found: dict[str, int] = {}
    for family in metrics.registry.collect():
        for sample in family.samples:
            if sample.name == "sse_streams_closed_total" and sample.value:
                reason = sample.labels["reason"]
                found[reason] = found.get(reason, 0) + int(sample.value)
    return found
