"""An LLM provider under a script: the model that is asked for says how the answer goes."""

import asyncio
import json
import threading
from typing import Any

ROLE = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
ERROR = {"error": {"type": "server_error", "code": "overloaded", "message": "Try again later."}}
LATE_SECONDS = 0.5


def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({**ROLE, "choices": [choice]}).encode() + b"\n\n"


WORDS = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": w}) for w in "abc")]
STOP = chunk({}, "stop")
USAGE = b"data: " + json.dumps({**ROLE, "choices": [], "usage": {}}).encode() + b"\n\n"
DONE = b"data: [DONE]\n\n"
FAILURE = b"data: " + json.dumps(ERROR).encode() + b"\n\n"


class Upstream:
    """The provider's ASGI application; `left` is set when a reader of `endless` is gone."""

    def __init__(self) -> None:
        self.left = threading.Event()
        self.asked: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer by the model's name."""
        if scope["type"] != "http":
            return
        question = json.loads((await receive())["body"])
        self.asked.append(question)
        model = question["model"]
        if model == "refuses":
            await self._refuse(send)
            return
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for body in self._pieces(model, receive):
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _pieces(self, model: str, receive: Any) -> Any:
        yield WORDS[0]
        if model == "thinks":
            await asyncio.sleep(LATE_SECONDS)
        for word in WORDS[1:]:
            yield word
        if model == "dies":
            # The connection ends without the end of the answer.
            raise ConnectionAbortedError
        if model == "endless":
            await self._until_left(receive)
        elif model == "fails":
            yield FAILURE
            yield DONE
        elif model != "stops":
            yield STOP
            yield USAGE
            yield DONE

    async def _until_left(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.set()

    async def _refuse(self, send: Any) -> None:
        body = json.dumps(ERROR).encode()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 429, "headers": headers})
        await send({"type": "http.response.body", "body": body})
