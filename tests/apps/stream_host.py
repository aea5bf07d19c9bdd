"""One host of a fleet: resumable answers over the store that the environment names."""

import asyncio
import gc
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sse_observe import SSEObserveMiddleware, metrics_app
from sse_observe.reference import ResumableStreams
from sse_observe.reference.redis import RedisStore

store = RedisStore.from_url(
    os.environ["SSE_OBSERVE_STORE"],
    lease_seconds=float(os.environ.get("LEASE_SECONDS", "2")),
    max_events=int(os.environ.get("MAX_EVENTS", "1000")),
    idle_seconds=float(os.environ.get("IDLE_SECONDS", "600")),
)
streams = ResumableStreams(
    store, drain_seconds=float(os.environ.get("DRAIN_SECONDS", "0.2")), heartbeat_seconds=1
)


async def words(total: int, pause: float) -> AsyncIterator[str]:
    for n in range(total):
        # With when it was said: the clock is the same in every process of a machine.
        yield f"data: {n} {time.monotonic()}\n\n"
        await asyncio.sleep(pause)
    yield "data: [DONE]\n\n"


async def begin(request: Request) -> Response:
    total, pause = int(request.query_params["total"]), float(request.query_params["pause"])
    return streams.response(words(total, pause), request)  # type: ignore[return-value]


async def again(request: Request) -> Response:
    return streams.resume(request.path_params["name"], request)  # type: ignore[return-value]


async def stop(request: Request) -> Response:
    await streams.stop(request.path_params["name"])
    return Response(status_code=204)


def held(_: Request) -> Response:
    """Say what this process holds: blocks of memory, and open files."""
    gc.collect()
    files = len(list(Path("/proc/self/fd").iterdir()))
    return JSONResponse({"blocks": sys.getallocatedblocks(), "files": files})


app = Starlette(
    routes=[
        Route("/streams", begin, methods=["POST"]),
        Route("/streams/{name}", again),
        Route("/streams/{name}", stop, methods=["DELETE"]),
        Route("/metrics", metrics_app()),
        Route("/held", held),
    ],
)
app.add_middleware(SSEObserveMiddleware)
