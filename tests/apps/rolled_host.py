"""One host of a fleet that is rolled: numbered words, which another host goes on with."""

import asyncio
import os
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sse_observe.reference import Interrupted, ResumableStreams
from sse_observe.reference.redis import RedisStore

WORDS = 150
PAUSE_SECONDS = float(os.environ.get("PAUSE_SECONDS", "0.2"))


async def words(start: int = 0) -> AsyncIterator[str]:
    """Yield the words from some number on: an application that can begin in the middle."""
    for n in range(start, WORDS):
        yield f"data: {n}\n\n"
        await asyncio.sleep(PAUSE_SECONDS)


def go_on(interrupted: Interrupted) -> AsyncIterator[str]:
    return words(interrupted.last + 1)


streams = ResumableStreams(
    RedisStore.from_url(os.environ.get("SSE_OBSERVE_STORE", "redis://unset"), max_events=1000),
    drain_seconds=0.5,
    take_over=go_on,
)


async def begin(request: Request) -> Response:
    return streams.response(words(), request)  # type: ignore[return-value]


async def again(request: Request) -> Response:
    return streams.resume(request.path_params["name"], request)  # type: ignore[return-value]


app = Starlette(
    routes=[Route("/streams", begin, methods=["POST"]), Route("/streams/{name}", again)]
)
