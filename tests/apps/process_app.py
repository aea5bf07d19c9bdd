"""The application of worker processes: streams that say which worker serves them, and /metrics."""

import asyncio
import os
from urllib.parse import parse_qs

from sse_observe import SSEObserveMiddleware, StreamRoute, metrics_app, metrics_server

EVENT = b"data: 0123456789\n\n"
"""One event of every stream; the truth is how often a client read it."""

metrics = metrics_app()


async def app(scope, receive, send):
    """`/s?n=3` sends so many events and ends; `/hold` then stays open, `/steady` goes on."""
    if scope["type"] == "lifespan":
        for _ in range(2):
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
        return
    if scope["path"] == "/metrics":
        await metrics(scope, receive, send)
        return
    headers = [(b"content-type", b"text/event-stream"), (b"x-worker", str(os.getpid()).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    wanted = int(parse_qs(scope["query_string"].decode()).get("n", ["1"])[0])
    for _ in range(wanted):
        await send({"type": "http.response.body", "body": EVENT, "more_body": True})
    gone = asyncio.create_task(until_gone(receive))
    if scope["path"] == "/hold":
        await gone
    while scope["path"] == "/steady" and not gone.done():
        await send({"type": "http.response.body", "body": EVENT, "more_body": True})
        await asyncio.sleep(0.02)
    gone.cancel()
    await send({"type": "http.response.body"})


async def until_gone(receive):
    while (await receive())["type"] != "http.disconnect":
        pass


observed = SSEObserveMiddleware(app, routes={"/s": StreamRoute(limit=100), "/hold": StreamRoute()})


def with_port():
    """Make the application with its numbers on the port that the environment names."""
    metrics_server(int(os.environ["METRICS_PORT"]), linger_seconds=10)
    return observed
