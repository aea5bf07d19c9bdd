"""
Relay an LLM's stream through the vendor's SDK, and count each answer for what it was.

    $ pip install sse-observe fastapi openai uvicorn
    $ OPENAI_API_KEY=... uvicorn --app-dir docs/examples relay_sdk:app

An SDK turns an error inside a stream into an exception. Say it again inside your own: the reader
learns the reason, and the stream is counted as `error_event`. Let everything else that breaks
leave the generator: that cuts the reader's connection, and is counted as `server_error`.
"""

import json
from collections.abc import AsyncIterator

import openai
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from openai.types.chat import ChatCompletionChunk

from sse_observe import SSEObserveMiddleware, StreamRoute, metrics_app

PATH = "/chat"
ROUTE = StreamRoute(protocol="openai-chat", terminal_data=("[DONE]",))
HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}

app = FastAPI()
app.add_middleware(SSEObserveMiddleware, routes={f"POST {PATH}": ROUTE})
app.add_route("/metrics", metrics_app())
# An answer that is paid for is not asked for twice behind the reader's back.
upstream = openai.AsyncOpenAI(max_retries=0)


@app.post(PATH)
async def chat(question: str, model: str = "gpt-5-mini") -> StreamingResponse:
    """Ask the upstream, and answer only when it has: a refusal stays a refusal."""
    try:
        answer = await upstream.chat.completions.create(
            model=model, messages=[{"role": "user", "content": question}], stream=True
        )
    except openai.APIStatusError as error:
        raise HTTPException(error.status_code, error.message) from error
    except openai.APIConnectionError as error:
        raise HTTPException(502, "The upstream does not answer.") from error
    return StreamingResponse(events(answer), media_type="text/event-stream", headers=HEADERS)


async def events(answer: openai.AsyncStream[ChatCompletionChunk]) -> AsyncIterator[str]:
    """Give on each chunk; end the upstream's work when nobody reads any more."""
    ended = False
    try:
        async for chunk in answer:
            ended = ended or any(choice.finish_reason for choice in chunk.choices)
            yield f"data: {chunk.model_dump_json(exclude_none=True)}\n\n"
    except openai.APIConnectionError:
        # The upstream died. Ours breaks off too, and nobody takes half an answer for a whole one.
        raise
    except openai.APIError as error:
        stated = {"type": error.type, "code": error.code, "message": error.message}
        yield f"data: {json.dumps({'error': stated})}\n\n"
        return
    finally:
        await answer.close()
    if ended:
        # Only what is whole says so: without this word the end is a `server_error`.
        yield "data: [DONE]\n\n"
