"""
Streams on one event loop, scrapes from other threads: the totals, as JSON.

A program by itself: it runs under any interpreter that has the wheel.
"""

import asyncio
import json
import sys
import threading

from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, metrics_app

STREAMS, MESSAGES, SCRAPERS = 40, 250, 3
METRICS = SSEMetrics(CollectorRegistry())


async def stream(_scope, _receive, send):
    """Send so many events, and let others run between them."""
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for n in range(MESSAGES):
        body = b"data: %d\n\n" % n
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b"event: done\ndata: 1\n\n"})


async def ask(app, path):
    """Return the body of one answer."""
    parts = []

    async def receive():
        if parts:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        parts.append(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("h", 1),
    }
    await app(scope, receive, send)
    return b"".join(parts).decode()


def scrape(over):
    """Read everything, again and again, from a thread of its own."""
    while not over.is_set():
        asyncio.run(ask(metrics_app(METRICS), "/metrics"))


async def main():
    """Stream and scrape at once; then tell what was counted."""
    app = SSEObserveMiddleware(stream, metrics=METRICS, route=lambda scope: scope["path"])
    over = threading.Event()
    scrapers = [threading.Thread(target=scrape, args=(over,)) for _ in range(SCRAPERS)]
    for each in scrapers:
        each.start()
    await asyncio.gather(*(ask(app, f"/{n % 4}") for n in range(STREAMS)))
    over.set()
    for each in scrapers:
        each.join()
    text = await ask(metrics_app(METRICS), "/metrics")
    totals = {
        name: sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if metric in line)
        for name, metric in (
            ("events", "sse_events_sent_total{"),
            ("streams", "sse_streams_closed_total{"),
        )
    }
    # It came with 3.13; before, there was no Python without the GIL.
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    print(json.dumps({"gil": gil, **totals}))


asyncio.run(main())
