"""Feeds without end that never ask for the client: the tick sees who leaves, or nobody does."""

import asyncio

from sse_observe import SSEObserveMiddleware, StreamRoute, metrics_app
from tests.support.asgi import body, start

metrics = metrics_app()
ROUTES = {
    "/feed": StreamRoute(),
    "/upload": StreamRoute(),
    "/asks": StreamRoute(),
    "/watched": StreamRoute(watch_disconnect=True),
}


async def feed(scope, receive, send):
    """Send for ever; `/upload` reads its body first, `/asks` looks for the client now and then."""
    if scope["type"] != "http":
        return
    if scope["path"] == "/metrics":
        await metrics(scope, receive, send)
        return
    more = scope["path"] == "/upload"
    while more:
        more = (await receive()).get("more_body", False)
    await send(start())
    while True:
        await send(body(b"data: tick\n\n"))
        if scope["path"] == "/asks":
            try:
                async with asyncio.timeout(0.01):
                    if (await receive())["type"] == "http.disconnect":
                        return
            except TimeoutError:
                pass
        await asyncio.sleep(0.05)


def observed():
    """Return the feeds, counted."""
    return SSEObserveMiddleware(feed, routes=ROUTES)
