"""Applications of feeds and answers, observed and drained, in time that passes by itself."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from sse_observe import SSEObserveMiddleware, StreamRoute
from sse_observe.draining import Drain, drain
from tests.support.asgi import END, body, start

SECONDS = 30.0


async def ticking(scope: Any, receive: Any, send: Any) -> None:
    """Send an event a second; `/short` ends in order after ten."""
    await send(start(headers=scope.get("answers")))
    for number in range(10 if scope["path"] == "/short" else 10_000):
        await send(body(b"id: %d-ab\ndata: x\n\n" % number))
        await asyncio.sleep(1)
    await send(END)


@pytest.fixture
def drained(metrics: Any) -> Callable[..., Drain]:
    """Return a function that drains an application; `/feed` is continuous."""

    def wrap(app: Any = ticking, **options: Any) -> Drain:
        routes = {"/feed": StreamRoute(kind="continuous")}
        observed = SSEObserveMiddleware(app, routes=routes, metrics=metrics)
        return drain(observed, **{"seconds": SECONDS, **options})

    return wrap
