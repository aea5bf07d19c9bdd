"""The service of the main job: FastAPI's native event streams under the one line."""

import asyncio
import json
import time
from collections.abc import AsyncIterable
from typing import Annotated
from uuid import uuid4

import httpx
from fastapi import FastAPI, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from sse_observe import (
    SSEObserveMiddleware,
    StreamRoute,
    beacon_app,
    current_stream,
    metrics_app,
    observe_client,
)
from sse_observe.reference import MemoryStore, reference_app

CHAT = "/chat/{chat_id}"
EVENTS = 12


app = FastAPI()
app.add_middleware(
    SSEObserveMiddleware,
    tcp_info=True,
    routes={
        CHAT: StreamRoute(heartbeat_seconds=0.4, stall_seconds=1, limit=100, first_event_within=30),
        "/feed": StreamRoute(kind="continuous"),
        "/answers/api/v1/stream": StreamRoute(dense_ids=True, heartbeat_seconds=10),
    },
)
app.add_route("/metrics", metrics_app())
app.mount("/sse", beacon_app())


async def produce(stream_id, params):
    for number in range(30):
        yield f"{number}"
        await asyncio.sleep(0.01)


# A buffer far too small, so that whoever resumes late has missed something.
app.mount("/answers", reference_app(produce=produce, store=MemoryStore(max_events=5)))


async def provide(request):
    async def words():
        for _ in range(3):
            yield b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
            await asyncio.sleep(0.005)
        yield b"data: [DONE]\n\n"

    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=words())


provider = observe_client(httpx.AsyncClient(transport=httpx.MockTransport(provide)), "provider")


@app.get(CHAT, response_class=EventSourceResponse)
async def chat(
    request: Request,
    chat_id: str,
    fail: int = 0,
    pause: float = 0.05,
    last_event_id: Annotated[str | None, Header()] = None,
) -> AsyncIterable[ServerSentEvent]:
    """Answer in a dozen events; on demand break off, or fall silent in the middle."""
    await provider.post("http://provider/", json={"stream": True})
    seen, _, epoch = (last_event_id or "").partition("-")
    first = int(seen) + 1 if seen else 0
    epoch = epoch or uuid4().hex
    if seen:
        current_stream().resume("full")
        current_stream().replayed(1)
        current_stream().duplicated(1)
        # At least once, as many applications do it: the last event comes again.
        yield ServerSentEvent(raw_data="again", id=f"{seen}-{epoch}")
    for number in range(first, EVENTS):
        if fail and number == EVENTS // 2:
            raise RuntimeError("on purpose")
        await asyncio.sleep(pause if number == EVENTS // 2 else 0.05)
        if number % 4 == 0:
            beat = json.dumps({"t": int(time.time() * 1000)})
            yield ServerSentEvent(raw_data=beat, event="heartbeat")
        yield ServerSentEvent(raw_data=f"word {number}", id=f"{number}-{epoch}")
    yield ServerSentEvent(raw_data="", event="done")


@app.get("/feed", response_class=EventSourceResponse)
async def feed() -> AsyncIterable[ServerSentEvent]:
    """Go on for ever."""
    while True:
        yield ServerSentEvent(raw_data="tick")
        await asyncio.sleep(0.2)
