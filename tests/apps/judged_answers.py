"""
A gateway to a model whose answers keep their limits, or break them, as their callers ask.

The model that is asked for says how: one of `JUDGED`, which says how it must be judged.
"""

import asyncio
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse

from sse_observe import SSEObserveMiddleware, StreamRoute, metrics_app
from tests.apps.model_apis import CHAT

PATH = "/v1/chat/completions"
LIMIT_SECONDS = 2.0
LATE_SECONDS = 3.0
JUDGED: dict[str, str | None] = {
    "whole": "good",
    "late": "late_first_event",
    # Its silence comes later, and changes nothing.
    "late-and-halting": "late_first_event",
    "halting": "gap",
    "halting-and-failing": "gap",
    "empty": "empty",
    "failing": "error_event",
    "broken": "server_error",
    # Its caller leaves while all is well, or once it has been silent for too long.
    "stopped": None,
    "frozen": "gap",
}


async def _pieces(answer: str) -> AsyncIterator[str]:
    yield CHAT.prelude
    if answer.startswith("late"):
        await asyncio.sleep(LATE_SECONDS)
    if answer != "empty":
        yield CHAT.word % "one "
    if answer.endswith("halting") or answer.startswith("halting"):
        await asyncio.sleep(LATE_SECONDS)
    while answer == "frozen":
        await asyncio.sleep(LATE_SECONDS)
        yield ": still here\n\n"
    while answer == "stopped":
        await asyncio.sleep(0.1)
        yield CHAT.word % "more "
    if answer.endswith("failing"):
        yield CHAT.failure
        return
    if answer == "broken":
        raise RuntimeError("the source failed")
    if answer != "empty":
        yield CHAT.word % "two"
    yield CHAT.end


def site() -> FastAPI:
    """Return the gateway, observed, with limits for its one route."""
    app = FastAPI()

    @app.post(PATH)
    async def chat(request: Request) -> Response:
        answer = (await request.json())["model"]
        return StreamingResponse(
            _pieces(answer),
            media_type="text/event-stream",
            headers={"cache-control": "no-cache", "x-accel-buffering": "no"},
        )

    app.add_route("/metrics", metrics_app())
    limits = StreamRoute(first_event_within=LIMIT_SECONDS, gap_within=LIMIT_SECONDS)
    app.add_middleware(SSEObserveMiddleware, routes={PATH: limits})
    return app
