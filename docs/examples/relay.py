"""
Relay an LLM's stream byte for byte, and count each answer for what it was.

    $ pip install sse-observe fastapi httpx uvicorn
    $ UPSTREAM=https://api.openai.com/v1 uvicorn --app-dir docs/examples relay:app

What the upstream says goes on unchanged, its failures included: the middleware reads them as the
reader does. What breaks is left broken: an exception in mid-stream cuts the reader's connection,
and an answer that was cut is never taken for a whole one.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from sse_observe import SSEObserveMiddleware, StreamRoute, metrics_app

PATH = "/v1/chat/completions"
# An end without `[DONE]` or a finish_reason is a failure, whoever closed the line.
ROUTE = StreamRoute(protocol="openai-chat", terminal_data=("[DONE]",))
# A model may think for minutes; a host that cannot be reached may not.
PATIENCE = httpx.Timeout(None, connect=10)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep one pool of connections to the upstream."""
    async with httpx.AsyncClient(base_url=os.environ["UPSTREAM"], timeout=PATIENCE) as upstream:
        app.state.upstream = upstream
        yield


app = FastAPI(lifespan=lifespan)
app.add_middleware(SSEObserveMiddleware, routes={f"POST {PATH}": ROUTE})
app.add_route("/metrics", metrics_app())


@app.post(PATH)
async def relay(request: Request) -> Response:
    """Ask the upstream once, and answer only when it has."""
    upstream: httpx.AsyncClient = request.app.state.upstream
    headers = {
        "Authorization": request.headers.get("Authorization", ""),
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",  # a stream that is packed cannot be counted
    }
    asked = upstream.build_request(
        "POST", "/chat/completions", content=await request.body(), headers=headers
    )
    try:
        answer = await upstream.send(asked, stream=True)
    except httpx.TransportError:
        error = {"type": "upstream_unreachable", "message": "The upstream does not answer."}
        return JSONResponse({"error": error}, status_code=502)
    kind = answer.headers.get("Content-Type", "")
    if not kind.startswith("text/event-stream"):
        # A refusal goes on as one: a stream that says so would be a 200.
        body = await answer.aread()
        return Response(body, status_code=answer.status_code, media_type=kind)
    return StreamingResponse(
        pieces(answer),
        media_type=kind,
        headers={"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"},
    )


async def pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Give on what arrives; end the upstream's work when nobody reads any more."""
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()
