"""
Applications that are drained: feeds, answers that end soon, answers that never end.

`DRAIN_FILE` is the file that begins it, `DRAINED_APP` the framework of `framework`.
"""

import asyncio
import os
from typing import Any

from sse_observe import SSEObserveMiddleware, StreamRoute, drain, metrics_app
from tests.apps.ending_apps import build
from tests.support.asgi import body, start

SECONDS = 4.0
_FILE = os.environ.get("DRAIN_FILE")


async def streams(scope: Any, receive: Any, send: Any) -> None:
    """Send an event each tenth of a second; `/short` ends after half of the deadline."""
    if scope["type"] == "lifespan":
        for _ in range(2):
            await send({"type": f"{(await receive())['type']}.complete"})
    elif scope["path"] == "/metrics":
        await _EXPOSITION(scope, receive, send)
    else:
        await send(start())
        number, ends_at = 0, asyncio.get_running_loop().time() + SECONDS / 2
        while scope["path"] != "/short" or asyncio.get_running_loop().time() < ends_at:
            await send(body(b"id: %d-ab\ndata: word\n\n" % number))
            await asyncio.sleep(0.1)
            number += 1
        await send(body(b"event: done\ndata: {}\n\n", more=False))


_EXPOSITION = metrics_app()
app = drain(
    SSEObserveMiddleware(streams, routes={"/feed": StreamRoute(kind="continuous")}),
    seconds=SECONDS,
    file=_FILE,
)


def framework() -> Any:
    """Return a framework's application, observed and drained."""
    return drain(build(os.environ["DRAINED_APP"]), seconds=SECONDS, file=_FILE)


def within() -> Any:
    """Return an application of FastAPI that has both as middlewares, around one of its own."""
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse
    from starlette.middleware.base import BaseHTTPMiddleware

    async def passes(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    async def events() -> Any:
        while True:
            yield "data: word\n\n"
            await asyncio.sleep(0.1)

    async def stream() -> Any:
        return StreamingResponse(events(), media_type="text/event-stream")

    made = FastAPI()
    made.add_middleware(BaseHTTPMiddleware, dispatch=passes)
    made.add_middleware(drain, seconds=SECONDS, file=_FILE)
    made.add_middleware(BaseHTTPMiddleware, dispatch=passes)
    made.add_middleware(SSEObserveMiddleware, routes={"/feed": StreamRoute(kind="continuous")})
    made.add_api_route("/feed", stream)
    made.add_api_route("/long", stream)
    made.add_route("/metrics", metrics_app())
    return made
