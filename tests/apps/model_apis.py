"""
Three models' APIs in one FastAPI service, for their vendors' own SDKs as clients.

The model that is asked for says how the answer goes: one of `ANSWERS`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from sse_observe import SSEObserveMiddleware, metrics_app

THINKING_SECONDS = {"slow": 0.6, "slower": 7.0}
# Longer than any client here waits: who hangs up on an error finds the server still busy.
_LINGER_SECONDS = 30.0
_PACE_SECONDS = 0.02
WORDS = ("one ", "two ", "three")
ANSWERS = {
    "whole": "all words, then the end",
    "slow": "the prelude at once, the words after a while",
    "slower": "the same, later than the objective allows",
    "empty": "the prelude, then the end",
    "fails": "a word, then the error; the server ends only when its client has hung up",
    "fails-on": "a word, then the error and at once whatever the vendor's servers send after it",
    "refused-inside": "the error in the place of the answer",
    "cut": "a word, then an exception",
    "times-out": "a word, then silence, which the service gives up on",
    "unfinished": "all words, and no end",
    "endless": "words until the client leaves",
    "busy": "429 in place of a stream",
    "down": "500 in place of a stream",
}


def _event(data: object, name: str = "") -> str:
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "") + f"data: {text}\n\n"


def _named(kind: str, **more: object) -> str:
    return _event({"type": kind, **more}, kind)


class Dialect(NamedTuple):
    """One vendor's words for the parts of an answer."""

    prelude: str
    word: str
    """With `%s` in the place of the word."""
    end: str
    failure: str
    after_failure: str = ""


def _chunk(delta: dict[str, str], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return _event({**base, "choices": [choice]})


_RESPONSE = {
    "id": "r1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "output": [],
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
}
_ERROR = {"type": "server_error", "code": "overloaded", "message": "The model is overloaded."}
CHAT = Dialect(
    prelude=_chunk({"role": "assistant", "content": ""}),
    word=_chunk({"content": "%s"}),
    end=_chunk({}, "stop") + _event("[DONE]"),
    failure=_event({"error": _ERROR}),
    after_failure=_event("[DONE]"),
)
RESPONSES = Dialect(
    prelude=_named("response.created", sequence_number=0, response=_RESPONSE)
    + _named("response.in_progress", sequence_number=1, response=_RESPONSE),
    word=_named(
        "response.output_text.delta",
        sequence_number=2,
        item_id="i1",
        output_index=0,
        content_index=0,
        delta="%s",
        logprobs=[],
    ),
    end=_named(
        "response.completed", sequence_number=9, response={**_RESPONSE, "status": "completed"}
    ),
    failure=_named(
        "response.failed",
        sequence_number=9,
        response={**_RESPONSE, "status": "failed", "error": {"code": "server_error"}},
    ),
)
MESSAGES = Dialect(
    prelude=_named(
        "message_start",
        message={
            "id": "m1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        },
    )
    + _named("content_block_start", index=0, content_block={"type": "text", "text": ""})
    + _named("ping"),
    word=_named("content_block_delta", index=0, delta={"type": "text_delta", "text": "%s"}),
    end=_named("content_block_stop", index=0)
    + _named("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 3})
    + _named("message_stop"),
    failure=_named("error", error={"type": "overloaded_error", "message": "Overloaded"}),
)


async def _pieces(dialect: Dialect, answer: str) -> AsyncIterator[str]:
    if answer == "refused-inside":
        yield dialect.failure
        return
    yield dialect.prelude
    await asyncio.sleep(THINKING_SECONDS.get(answer, 0))
    if answer != "empty":
        async for piece in _words(dialect, answer):
            yield piece
    if answer in ("whole", "slow", "slower", "empty"):
        yield dialect.end


async def _words(dialect: Dialect, answer: str) -> AsyncIterator[str]:
    """Yield the words; where the answer fails, only the first, and the failure."""
    yield dialect.word % WORDS[0]
    if answer == "cut":
        raise RuntimeError("the source failed")
    if answer == "times-out":
        async with asyncio.timeout(_PACE_SECONDS):
            await asyncio.Event().wait()
    if answer.startswith("fails"):
        yield dialect.failure
        if answer == "fails-on":
            yield dialect.after_failure
        else:
            await asyncio.sleep(_LINGER_SECONDS)
        return
    for word in WORDS[1:]:
        await asyncio.sleep(_PACE_SECONDS)
        yield dialect.word % word
    while answer == "endless":
        await asyncio.sleep(_PACE_SECONDS)
        yield dialect.word % "more "


def model_apis() -> FastAPI:
    """Return the service; nothing observes it yet."""
    app = FastAPI()

    async def answered(request: Request, dialect: Dialect) -> Response:
        answer: Any = (await request.json())["model"]
        if answer in ("busy", "down"):
            # SDKs ask again after a refusal; here they need not wait for it.
            return JSONResponse(
                {"error": _ERROR},
                status_code=429 if answer == "busy" else 500,
                headers={"retry-after-ms": "1"},
            )
        return StreamingResponse(
            _pieces(dialect, answer),
            media_type="text/event-stream",
            headers={"cache-control": "no-cache", "x-accel-buffering": "no"},
        )

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        return await answered(request, CHAT)

    @app.post("/v1/responses")
    async def responses(request: Request) -> Response:
        return await answered(request, RESPONSES)

    @app.post("/v1/messages")
    async def messages(request: Request) -> Response:
        return await answered(request, MESSAGES)

    return app


def model_site() -> FastAPI:
    """Return the service with what the documentation says to add, and nothing declared."""
    app = model_apis()
    app.add_route("/metrics", metrics_app())
    app.add_middleware(SSEObserveMiddleware)
    return app
