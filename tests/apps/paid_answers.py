"""
Answers that cost money, as a chat service streams them: asked for by POST, in chat chunks.

Writes down every request. An answer that is `named` greets its client with a name, and can be
resumed by GET; it goes on while nobody reads.
"""

import asyncio
import json
import threading
from typing import Any
from urllib.parse import parse_qsl

from sse_observe import current_stream

HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]


class PaidAnswers:
    """Answers until it is told that it is enough; `asked` is each question, `resumed` each GET."""

    def __init__(self, *, named: bool, pause: float = 0.05) -> None:
        self._named = named
        self._pause = pause
        self._enough = threading.Event()
        self._words: dict[str, list[str]] = {}
        self._producing: set[asyncio.Task[None]] = set()
        self.asked: list[str] = []
        self.resumed: list[str] = []

    def enough(self) -> None:
        """Let all answers end."""
        self._enough.set()

    def words(self, question: str) -> list[str]:
        """Return all words of the answers to one question."""
        return [
            word
            for name, words in self._words.items()
            for word in words
            if self.asked[int(name[1:])] == question
        ]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        after = 0
        if scope["method"] == "POST":
            body = (await receive())["body"]
            name = f"a{len(self.asked)}"
            self.asked.append(json.loads(body)["ask"])
            self._words[name] = []
            self._producing.add(asyncio.ensure_future(self._produce(name)))
        else:
            query = dict(parse_qsl(scope["query_string"].decode()))
            self.resumed.append(query.get("last_event_id", ""))
            name = query.get("stream_id", "")
            after = int(query.get("last_event_id", "-1").partition("-")[0] or -1) + 1
        if name not in self._words:
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        async for chunk in self._chunks(name, after):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _produce(self, name: str) -> None:
        """Think of words, whether anybody reads them or not."""
        words, question = self._words[name], self.asked[int(name[1:])]
        while not self._enough.is_set():
            words.append(f"{question}:{len(words)}")
            await asyncio.sleep(self._pause)
        words.append("")

    async def _chunks(self, name: str, at: int) -> Any:
        if self._named:
            cursor = f"{at - 1}-{name}" if at else None
            yield current_stream().hello(stream=name, resumed_from=cursor)
        while True:
            words = self._words[name]
            for word in words[at:]:
                if not word:
                    yield b"data: [DONE]\n\n"
                    return
                head = f"id: {at}-{name}\n" if self._named else ""
                choice = {"delta": {"content": word}}
                chunk = {"object": "chat.completion.chunk", "choices": [choice]}
                yield f"{head}data: {json.dumps(chunk)}\n\n".encode()
                at += 1
            await asyncio.sleep(self._pause / 2)
