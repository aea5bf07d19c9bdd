"""Streams whose sockets are looked at: `/s` and `/t` send what the query says, then end."""

import asyncio
from urllib.parse import parse_qsl

from sse_observe import SSEObserveMiddleware, StreamRoute, metrics_app
from tests.support.asgi import END, body, start

_metrics = metrics_app()


async def plain(scope, receive, send):
    """Send `events` events of `size` bytes, one every `every` seconds."""
    if scope["type"] == "lifespan":
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})
        return
    if scope["path"] == "/metrics":
        await _metrics(scope, receive, send)
        return
    asked = dict(parse_qsl(scope["query_string"].decode()))
    event = b"data: " + b"x" * (int(asked.get("size", 100)) - 8) + b"\n\n"
    await send(start())
    for _ in range(int(asked.get("events", 20))):
        await send(body(event))
        await asyncio.sleep(float(asked.get("every", 0.01)))
    await send(END)


app = SSEObserveMiddleware(plain, routes={"/s": StreamRoute(), "/t": StreamRoute()}, tcp_info=True)


async def hidden(scope, receive, send):
    """Hide the server's own objects, as some frameworks' middlewares do."""

    async def wrapped_receive():
        return await receive()

    async def wrapped_send(message):
        await send(message)

    await app(scope, wrapped_receive, wrapped_send)
