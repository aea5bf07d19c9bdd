"""
The service that a demo watches: a gateway to a model on the reference endpoint, and its weather.

It answers in chat chunks, as most streams do. They bring a resumable stream's ids here, which
providers do not give.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute, beacon_app, metrics_app
from sse_observe.asgi import App, Receive, Scope, Send
from sse_observe.lab.chat_chunks import FINISH, ROLE, chunk, error
from sse_observe.reference import reference_app
from sse_observe.reference.params import Params

API = "/api/"
ROUTE = f"{API}v1/stream"
HEARTBEAT_SECONDS = 5
CLIENT = "/sse"
"""Where the browser's client is served, and its beacon reports are taken."""

_ANSWER = (
    "An answer arrives word by word over one response and whoever loses the line on the way "
    "names the last word that was seen so that the rest can follow without a gap"
)


# A model thinks before it writes.
_THINKING_SECONDS = (0.3, 2.0)
_WORD_SECONDS = (0.05, 0.25)
# Most failures of a model are told in the stream, under status 200.
_CRASHES = 0.1


class ModelCrashedError(Exception):
    """Stands for an application's own failure in the middle of an answer."""


@dataclass
class Weather:
    """How bad things are now: `failing` is the share of answers that fail in the middle."""

    failing: float = 0.0


def service(metrics: SSEMetrics, weather: Weather, pages: App) -> App:
    """
    Return the ASGI application: streams under /api/, /metrics, the browser's client under /sse/,
    and `pages` for the rest.
    """

    async def produce(stream_id: str, params: Params) -> AsyncIterator[str]:  # noqa: ARG001
        words = _ANSWER.split()
        del words[random.randint(len(words) // 2, len(words)) :]  # noqa: S311 - no secret
        fails_at = random.randrange(len(words)) if random.random() < weather.failing else -1  # noqa: S311
        yield ROLE
        await _pause(_THINKING_SECONDS)
        for number, word in enumerate(words):
            if number == fails_at:
                if random.random() < _CRASHES:  # noqa: S311
                    raise ModelCrashedError
                yield error("overloaded_error")
                return
            yield chunk({"content": word + " "})
            await _pause(_WORD_SECONDS)
        yield FINISH

    streams = reference_app(produce=produce, heartbeat_seconds=HEARTBEAT_SECONDS)
    exposition = metrics_app(metrics)
    beacon = beacon_app(metrics)

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == "/metrics":
            await exposition(scope, receive, send)
        elif path.startswith(f"{CLIENT}/"):
            await beacon(scope, receive, send)
        elif scope["type"] == "http" and not path.startswith(API):
            await pages(scope, receive, send)
        else:
            await streams(scope, receive, send)

    return SSEObserveMiddleware(
        route,
        metrics=metrics,
        tcp_info=True,
        routes={
            ROUTE: StreamRoute(
                heartbeat_seconds=HEARTBEAT_SECONDS,
                terminal_events=("done",),
                dense_ids=True,
                limit=1000,
            )
        },
    )


async def _pause(seconds: tuple[float, float]) -> None:
    await asyncio.sleep(random.uniform(*seconds))  # noqa: S311 - no secret
