"""
The cost of one beacon report, beside the least that anything could do with it.

`python tests/bench/beacon.py` prints reports per second and the ratio to `json.loads` of the same
body plus an empty ASGI answer. Medians of interleaved rounds: the machine may be shared.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from prometheus_client import CollectorRegistry

from sse_observe.beacon import Limits, beacon_app
from sse_observe.metrics import METRICS
from sse_observe.registry import SSEMetrics

ROUNDS = 15
REPORTS = 2000


def vector(name: str, *seconds: float) -> dict[str, Any]:
    """Return observations as the client reports them, by the bounds of today."""
    bounds = METRICS[name].buckets
    places = [sum(bound < value for bound in bounds) for value in seconds]
    counts = [places.count(at) for at in range(len(bounds) + 1)]
    return {"counts": counts, "sum": round(sum(seconds), 6)}


# As a browser tab sends it each minute: some events, one reconnect, delays of its heartbeats.
TYPICAL = {
    "events": 120,
    "shown": {"live": 2, "reconnecting": 1},
    "sse_reconnect_time_seconds": vector("sse_reconnect_time_seconds", 1.25),
    "sse_event_delay_seconds": vector("sse_event_delay_seconds", 0, 0, 0.01, 0.02, 0.03, 0.2),
}
SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/sse/deltas",
    "query_string": b"",
    "headers": [
        (b"host", b"app.example.com"),
        (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0"),
        (b"content-length", b"500"),
        (b"content-type", b"text/plain;charset=UTF-8"),
        (b"accept", b"*/*"),
        (b"origin", b"https://app.example.com"),
        (b"sec-fetch-site", b"same-origin"),
        (b"sec-fetch-mode", b"cors"),
        (b"accept-encoding", b"gzip, deflate, br"),
    ],
    "client": ("192.0.2.1", 40000),
}
App = Callable[[Any, Any, Any], Awaitable[None]]


async def least(scope: Any, receive: Any, send: Any) -> None:
    """Parse a beacon report and answer 204."""
    message = await receive()
    json.loads(message["body"])
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def seconds_each(app: App, bodies: list[bytes]) -> float:
    """Return the CPU seconds that one of these beacon reports takes."""

    async def send(message: Any) -> None:
        pass

    started = time.process_time()
    for body in bodies:

        async def receive(body: bytes = body) -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        await app(SCOPE, receive, send)
    return (time.process_time() - started) / len(bodies)


def measure() -> dict[str, float]:
    """Return accepted reports per second, their ratio to the least, and the share accepted."""
    metrics = SSEMetrics(CollectorRegistry())
    app = beacon_app(metrics, limits=Limits((1e9, 1e9), (1e9, 1e9), (1e9, 1e9)))
    ours, floor = [], []
    for _ in range(ROUNDS):
        # A tab of its own for each ten reports: its token is read each time.
        tokens = [app.issue("/chat/{id}", "all", "4g") for _ in range(REPORTS // 10)]
        bodies = [
            json.dumps({**TYPICAL, "token": token, "n": n}).encode()
            for token in tokens
            for n in range(1, 11)
        ]
        floor.append(asyncio.run(seconds_each(least, bodies)))
        ours.append(asyncio.run(seconds_each(app, bodies)))
    accepted = metrics.registry.get_sample_value("sse_client_reports_total", {"result": "accepted"})
    return {
        "reports_per_second": 1 / statistics.median(ours),
        "ratio": statistics.median(a / b for a, b in zip(ours, floor, strict=True)),
        "accepted": (accepted or 0) / (ROUNDS * REPORTS),
    }


if __name__ == "__main__":
    for name, figure in measure().items():
        print(f"{name:20} {figure:12.2f}")
