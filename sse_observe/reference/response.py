"""
The response of a stream in the shape that each framework wants.

An ASGI application; where Starlette is loaded also a `starlette.responses.Response`; awaited, a
Django response. Imports no framework: what the application has loaded itself is read.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from functools import cache

from sse_observe.asgi import Headers, Message, Receive, Scope, Send
from sse_observe.reference.reader import HEADERS
from sse_observe.reference.replies import LATER, RefusedError, reply
from sse_observe.reference.store import StoreDownError

Answer = Callable[[Scope, Receive, Send, Headers], Awaitable[None]]

# A client that takes nothing is let go by the reader's own timeout; this only bounds memory.
_MOST_WAITING = 16


class StreamResponse:
    """
    One answer, begun when it is called; `stream_id` is the name of its stream.

    `await`ed it is a Django response for the request that it was made with.
    """

    raw_headers: list[tuple[bytes, bytes]]

    def __init__(self, answer: Answer, request: object, stream_id: str) -> None:
        self._answer = answer
        self._request = request
        self.stream_id = stream_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request of this scope."""
        await self._run(scope, receive, send, HEADERS)

    async def _run(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        try:
            await self._answer(scope, receive, send, headers)
        except RefusedError as refusal:
            await refusal.reply(send)
        except StoreDownError as down:
            await reply(send, 503, f"{down}\n", LATER)

    def __await__(self) -> Generator[object, None, object]:
        """Return what Django takes from a view."""
        return self._for_django().__await__()

    async def _for_django(self) -> object:
        scope = getattr(self._request, "scope", None)
        if scope is None:
            raise TypeError(
                "ResumableStreams: pass Django's request, and serve by ASGI; "
                "`await streams.response(frames, request)`"
            )
        django = sys.modules["django.http"]
        bridge = _Bridge(lambda receive, send: self._run(scope, receive, send, HEADERS))
        start = await bridge.start()
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        if start["status"] != 200:
            body = b"".join([part async for part in bridge.body()])
            return django.HttpResponse(body, status=start["status"], headers=headers)
        return django.StreamingHttpResponse(bridge.body(), headers=headers)


class _Bridge:
    """An ASGI answer, turned into a head and an iterator over its body."""

    def __init__(self, run: Callable[[Receive, Send], Awaitable[None]]) -> None:
        self._run = run
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue(_MOST_WAITING)
        self._gone = asyncio.Event()

    async def start(self) -> Message:
        """Return the message that begins the answer."""
        self._task = asyncio.ensure_future(self._work())
        found = await self._messages.get()
        if found is None:
            await self._task
            raise RuntimeError("the response ended before it began")
        return found

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the parts of the body; closed before its end, the client has left."""
        try:
            while (message := await self._messages.get()) is not None:
                if message.get("body"):
                    yield message["body"]
            await self._task
        finally:
            self._gone.set()
            self._task.cancel()

    async def _work(self) -> None:
        try:
            await self._run(self._receive, self._messages.put)
        finally:
            if not self._gone.is_set():
                await self._messages.put(None)

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}


def response_class(request: object) -> type[StreamResponse]:
    """Return the class of response that the application's framework knows."""
    starlette = sys.modules.get("starlette.responses")
    if starlette is None or type(request).__module__.startswith("django."):
        return StreamResponse
    return _starlette_class(starlette.Response)


@cache
def _starlette_class(base: type) -> type[StreamResponse]:
    class StarletteStreamResponse(StreamResponse, base):  # type: ignore[misc]
        """Returned by FastAPI and Starlette as it is, with the headers that they added."""

        def __init__(self, answer: Answer, request: object, stream_id: str) -> None:
            StreamResponse.__init__(self, answer, request, stream_id)
            super(StreamResponse, self).__init__(None, 200)
            self.raw_headers = list(HEADERS)

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            """Answer, and run what the framework put behind the answer."""
            await self._run(scope, receive, send, self.raw_headers)
            if self.background is not None:
                await self.background()

    return StarletteStreamResponse
