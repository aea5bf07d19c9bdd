"""
`drain()`: an ASGI application that stops without a failed stream.

Readiness says no, feeds are renewed one after the other, answers may finish, the rest is ended in
order at the deadline. Knows nothing of how a process learns that it is to stop.
"""

import asyncio
import os
import random
from collections.abc import Callable
from contextvars import Context
from math import isfinite
from pathlib import Path
from typing import TypeVarTuple

from sse_observe.asgi import App, Receive, Scope, Send, answer
from sse_observe.draining.response import Response
from sse_observe.draining.stop import Stop
from sse_observe.errors import SettingsError
from sse_observe.middleware.end_log import LOGGER

Args = TypeVarTuple("Args")

_TEXT = ((b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"))
# While streams are open. Four looks at a flag and a file cost nothing.
_LOOK_SECONDS = 0.25
# What is left is for feeds in the middle of an event.
_FOR_FEEDS = 0.95
_AGAIN_SECONDS = 0.1
# However late a stream comes, its client hears more than a refusal.
_LEAST_SECONDS = 1.0


def drain(
    app: App,
    *,
    seconds: float = 30.0,
    readiness: str | None = "/ready",
    file: str | os.PathLike[str] | None = None,
) -> "Drain":
    """
    Return `app` as one that ends its event streams in order when its server is to stop.

    It begins when the server is told to stop, when `file` is touched, or by `begin()`. Feeds, whose
    route `SSEObserveMiddleware` knows as `continuous`, are then closed one after the other and come
    back elsewhere; they count as `rotated`. All other streams have `seconds` to finish. What is
    still open then is told so and closed, as `shutdown`.
    `readiness` is a path that is answered here: 200, and 503 as soon as it begins; None for none.
    Works around `SSEObserveMiddleware` and inside of it. Raises SettingsError for what is wrong.
    """
    return Drain(app, seconds=seconds, readiness=readiness, file=file)


class Drain:
    """An application that can be drained, once; `is_draining` from then on."""

    def __init__(
        self,
        app: App,
        *,
        seconds: float,
        readiness: str | None,
        file: str | os.PathLike[str] | None,
    ) -> None:
        if (
            isinstance(seconds, bool)
            or not isinstance(seconds, int | float)
            or not (isfinite(seconds) and seconds > 0)
        ):
            raise SettingsError(f"drain: seconds={seconds!r} is wrong; give seconds above 0")
        if readiness is not None and not (isinstance(readiness, str) and readiness.startswith("/")):
            raise SettingsError(
                f'drain: readiness={readiness!r} is wrong; give a path, as in "/ready", or None'
            )
        self._app = app
        self._seconds = seconds
        self._readiness = readiness
        self._stop = Stop(None if file is None else Path(file))
        self._streams: set[Response] = set()
        self._looks = False
        self._ends_at = 0.0
        self.is_draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection through the application."""
        self._stop.listen()
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] == self._readiness and scope["method"] in ("GET", "HEAD"):
            await self._answer_readiness(scope, send)
        else:
            await self._serve(scope, receive, send)

    async def _answer_readiness(self, scope: Scope, send: Send) -> None:
        self._look_once()
        status, text = (503, b"draining\n") if self.is_draining else (200, b"ready\n")
        await answer(send, status, text, *_TEXT, head=scope["method"] == "HEAD")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = _task()
        if task is None:
            await self._app(scope, receive, send)
            return
        response = Response(send, task, self._opened)
        try:
            try:
                await self._app(scope, receive, response.send)
            except asyncio.CancelledError:
                if not response.is_ours():
                    raise
            if response.reason is not None:
                await response.finish()
        finally:
            self._closed(response)

    def _opened(self, response: Response) -> None:
        """Take a response that has become a stream."""
        self._streams.add(response)
        if not self.is_draining:
            if not self._looks:
                self._looks = True
                _soon(self._look)
            return
        self._stop.hold()
        _soon(self._came_late, response)

    def _came_late(self, response: Response) -> None:
        """Send a stream elsewhere that came while draining: the balancer has not heard yet."""
        left = self._ends_at - asyncio.get_running_loop().time()
        if left <= _LEAST_SECONDS:
            self._end_after(response, _LEAST_SECONDS)
        elif response.is_feed:
            self._end_after(response, random.uniform(_LEAST_SECONDS, left))  # noqa: S311 - no secret

    def _closed(self, response: Response) -> None:
        self._streams.discard(response)
        if not self._streams:
            self._stop.let_go()

    # Four times a second.

    def _look(self) -> None:
        self._look_once()
        self._looks = bool(self._streams) and not self.is_draining
        if self._looks:
            asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look, context=Context())

    def _look_once(self) -> None:
        if not self.is_draining and self._stop.is_asked():
            self.begin()

    def begin(self) -> None:
        """
        Begin to drain; a second call changes nothing.

        To be called on the event loop that serves.
        """
        if self.is_draining:
            return
        self.is_draining = True
        loop = asyncio.get_running_loop()
        self._ends_at = loop.time() + self._seconds
        feeds = [response for response in self._streams if response.is_feed]
        text = "draining for %g s: %d feeds are renewed, %d other streams may finish"
        LOGGER.info(text, self._seconds, len(feeds), len(self._streams) - len(feeds))
        if self._streams:
            self._stop.hold()
        random.shuffle(feeds)
        for number, feed in enumerate(feeds):
            # Evenly, and never in step with another process that has begun at the same time.
            share = (number + random.random()) / len(feeds)  # noqa: S311 - no secret
            self._end_after(feed, share * self._seconds * _FOR_FEEDS)
        loop.call_at(self._ends_at, self._end_all, context=Context())

    def _end_after(self, response: Response, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(seconds, self._end_soon, response, context=Context())

    def _end_soon(self, response: Response) -> None:
        """End a stream now, or as soon as it is between two events."""
        if response not in self._streams:
            return
        is_late = asyncio.get_running_loop().time() >= self._ends_at
        if response.is_between_events or is_late:
            _end(response)
        else:
            self._end_after(response, _AGAIN_SECONDS)

    def _end_all(self) -> None:
        for response in list(self._streams):
            _end(response)


def _soon(work: Callable[[*Args], None], *args: *Args) -> None:
    """Do something once an observer outside of us knows the stream too."""
    asyncio.get_running_loop().call_soon(work, *args, context=Context())


def _task() -> asyncio.Task[object] | None:
    """Return the task that runs now; None where it is none of asyncio's (trio)."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _end(response: Response) -> None:
    response.end("rotated" if response.is_feed else "shutdown")
