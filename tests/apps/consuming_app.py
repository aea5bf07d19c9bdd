"""
A gateway that consumes an upstream's streams by each client, and fails in every way.

`FRAMEWORK` names what serves it, `UPSTREAM` the URL of `model_apis`. The path says the story and
the client: `/upstream/openai`.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import anthropic
import httpx
import openai
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.applications import Starlette
from starlette.routing import Route

from sse_observe import SSEObserveMiddleware, current_stream, observe_client

UPSTREAM = os.environ.get("UPSTREAM", "")
CHAT = f"{UPSTREAM}/v1/chat/completions"
EVENT = b"data: x\n\n"


async def by_openai(model: str) -> None:
    """Read a chat completion by the vendor's SDK."""
    sdk = openai.AsyncOpenAI(base_url=f"{UPSTREAM}/v1", api_key="k", max_retries=0)
    async with observe_client(sdk, "openai") as client:
        stream = await client.chat.completions.create(model=model, messages=[], stream=True)
        async for _ in stream:
            pass


async def by_anthropic(model: str) -> None:
    """Read a message by the vendor's SDK."""
    sdk = anthropic.AsyncAnthropic(base_url=UPSTREAM, api_key="k", max_retries=0)
    question = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "?"}]}
    async with (
        observe_client(sdk, "anthropic") as client,
        client.messages.stream(**question) as stream,
    ):
        async for _ in stream.text_stream:
            pass


async def by_httpx(model: str) -> None:
    """Read a chat completion in a thread, by the client of threads."""

    def read() -> None:
        question = {"model": model, "messages": [], "stream": True}
        with (
            observe_client(httpx.Client(), "httpx") as client,
            client.stream("POST", CHAT, json=question) as response,
        ):
            response.raise_for_status()
            for _ in response.iter_lines():
                pass

    await asyncio.to_thread(read)


async def by_aiohttp(model: str) -> None:
    """Read a chat completion in a task."""

    async def read() -> None:
        question = {"model": model, "messages": [], "stream": True}
        async with (
            aiohttp.ClientSession(raise_for_status=True) as session,
            observe_client(session, "aiohttp").post(CHAT, json=question) as response,
        ):
            async for _ in response.content:
                pass

    await asyncio.create_task(read())


CLIENTS = {
    "openai": by_openai,
    "anthropic": by_anthropic,
    "httpx": by_httpx,
    "aiohttp": by_aiohttp,
}


async def answered(story: str, client: str) -> AsyncIterator[bytes]:
    """Tell one story."""
    if story == "waits":
        # Here the client's name is the epoch of its ids.
        yield b"id: 0-" + client.encode() + b"\n" + EVENT
        await asyncio.sleep(600)
    yield EVENT
    ask = CLIENTS[client]
    if story == "user":
        current_stream().end_reason("cancelled")
    elif story in ("whole", "application"):
        await ask("whole")
    elif story == "recovered":
        try:
            await ask("cut")
        except Exception:  # noqa: BLE001 - whatever an SDK makes of it
            await ask("whole")
    else:
        await ask({"upstream": "cut", "refused": "down"}[story])
    if story in ("application", "recovered"):
        raise KeyError("choices")


async def answer(request: Request) -> StreamingResponse:
    """Answer by the path."""
    story, client = request.path_params["story"], request.path_params["client"]
    return StreamingResponse(answered(story, client), media_type="text/event-stream")


def application() -> Any:
    """Return the gateway in the framework that is asked for."""
    path = "/{story}/{client}"
    if os.environ.get("FRAMEWORK") == "starlette":
        return Starlette(routes=[Route(path, answer)])
    found = FastAPI()
    found.add_api_route(path, answer, response_model=None)
    return found


app = SSEObserveMiddleware(application())
