"""Beacon reports as browsers send them, posted without a server, and what was counted of them."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from sse_observe.metrics import METRICS, REPORT_RESULTS
from sse_observe.registry import SSEMetrics
from tests.support.asgi import http_scope

SECRET = "a secret of some length"
ROUTE = "/chat/{id}"
RECONNECT = "sse_reconnect_time_seconds"
BOUNDS = {m.name: m.buckets for m in METRICS.values() if m.kind == "histogram"}


class Answer:
    def __init__(self, sent: list[Any]) -> None:
        self.status = sent[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        self.body = b"".join(message.get("body", b"") for message in sent[1:])


def ask(app: Any, scope: Mapping[str, Any], *chunks: bytes) -> Answer:
    """Run one request whose body comes in these chunks."""
    return asyncio.run(asked(app, scope, *chunks))


async def asked(app: Any, scope: Mapping[str, Any], *chunks: bytes) -> Answer:
    sent: list[Any] = []
    left = list(chunks or (b"",))

    async def receive() -> dict[str, Any]:
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return Answer(sent)


def scope_of(path: str = "/deltas", method: str = "POST", **more: Any) -> dict[str, Any]:
    return http_scope(path, method=method, **more)


def post(app: Any, report: Any, **more: Any) -> Answer:
    body = report if isinstance(report, bytes) else json.dumps(report).encode()
    return ask(app, scope_of(**more), body)


def value(metrics: SSEMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def results(metrics: SSEMetrics) -> dict[str, float]:
    """Return the results that were counted at all."""
    counted = {r: value(metrics, "sse_client_reports_total", result=r) for r in REPORT_RESULTS}
    assert None not in counted.values()
    return {result: n for result, n in counted.items() if n}


def vector(name: str = RECONNECT, **at: int) -> dict[str, Any]:
    counts = [0] * (len(BOUNDS[name]) + 1)
    for index, n in at.items():
        counts[int(index[1:])] = n
    lows = (0, *BOUNDS[name])
    return {"counts": counts, "sum": sum(n * low for n, low in zip(counts, lows, strict=True))}
