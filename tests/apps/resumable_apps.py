"""The same three routes, resumable, in each framework: as its documentation shows them."""

import asyncio
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

from sse_observe.reference import ResumableStreams
from tests.support.django_handlers import handler

CHUNKS = [
    'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',
    'data: {"choices":[{"delta":{"content":"b',
    '"}}]}\n\ndata: {"choices":[{"delta":{"content":"c"}}]}\n',
    "\n: a comment\n\n",
    "data: [DONE]\n\n",
]
"""An answer as an OpenAI endpoint sends it, cut where no event ends."""


async def answer(pause: float = 0.01) -> AsyncIterator[str]:
    for chunk in CHUNKS:
        yield chunk
        await asyncio.sleep(pause)


async def slow_answer() -> AsyncIterator[bytes]:
    for n in range(200):
        yield b"data: %d\r\n\r\n" % n
        await asyncio.sleep(0.02)


def fastapi_app(streams: ResumableStreams) -> Any:
    from fastapi import FastAPI, Request

    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def chat() -> Any:
        return streams.response(answer())

    @app.post("/slow")
    async def slow() -> Any:
        return streams.response(slow_answer())

    @app.get("/v1/streams/{stream_id}")
    async def again(stream_id: str, request: Request) -> Any:
        return streams.resume(stream_id, request)

    @app.delete("/v1/streams/{stream_id}")
    async def stop(stream_id: str) -> Any:
        await streams.stop(stream_id)

    return app


def starlette_app(streams: ResumableStreams) -> Any:
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    async def chat(request: Any) -> Any:
        return streams.response(answer())

    async def slow(request: Any) -> Any:
        return streams.response(slow_answer())

    async def again(request: Any) -> Any:
        return streams.resume(request.path_params["stream_id"], request)

    async def stop(request: Any) -> Any:
        await streams.stop(request.path_params["stream_id"])
        return Response(status_code=204)

    return Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/slow", slow, methods=["POST"]),
            Route("/v1/streams/{stream_id}", again),
            Route("/v1/streams/{stream_id}", stop, methods=["DELETE"]),
        ]
    )


def litestar_app(streams: ResumableStreams) -> Any:
    from litestar import Litestar, Request, delete, get, post
    from litestar.types import ASGIApp

    @post("/v1/chat/completions")
    async def chat() -> ASGIApp:
        return streams.response(answer())

    @post("/slow")
    async def slow() -> ASGIApp:
        return streams.response(slow_answer())

    @get("/v1/streams/{stream_id:str}")
    async def again(request: Request) -> ASGIApp:
        return streams.resume(request.path_params["stream_id"], request)

    @delete("/v1/streams/{stream_id:str}")
    async def stop(request: Request) -> None:
        await streams.stop(request.path_params["stream_id"])

    return Litestar([chat, slow, again, stop])


def django_app(streams: ResumableStreams) -> Any:
    from django.http import HttpResponse
    from django.urls import path

    async def chat(request: Any) -> Any:
        return await streams.response(answer(), request)

    async def slow(request: Any) -> Any:
        return await streams.response(slow_answer(), request)

    async def one(request: Any, stream_id: str) -> Any:
        if request.method == "DELETE":
            await streams.stop(stream_id)
            return HttpResponse(status=204)
        return await streams.resume(stream_id, request)

    urls: Any = ModuleType("resumable_urls")
    urls.urlpatterns = [
        path("v1/chat/completions", chat),
        path("slow", slow),
        path("v1/streams/<str:stream_id>", one),
    ]

    return handler(urls)
