"""
One response on its way out: where it stands, and how it is ended before its application ends it.

Knows one ASGI response and the words that its client is left with; when it ends is decided by
`app`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from sse_observe.asgi import Message, Send, header
from sse_observe.contract import HELLO
from sse_observe.middleware.current_stream import CURRENT, CurrentStream
from sse_observe.middleware.headers import is_event_stream
from sse_observe.middleware.stream import OVER, Stream
from sse_observe.reference.reader import failure

# A client remembers it: short enough for a feed that is renewed, long enough for one that breaks.
RETRY_MS = (1000, 3000)
# Of a client that reads nothing its last words are not awaited for long.
_LAST_WORDS_SECONDS = 2.0
_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")
_HELLO = f"event: {HELLO}".encode()
# Frameworks write the fields of an event in any order.
_GREETING = 8192


class Response:
    """The response to one request; once it is a stream, `opened` is called with it."""

    __slots__ = (
        *("_before", "_compressed", "_fresh", "_inner", "_last", "_opened", "_over", "_task"),
        *("by_contract", "reason", "stream"),
    )

    def __init__(
        self, inner: Send, task: asyncio.Task[object], opened: "Callable[[Response], None]"
    ) -> None:
        self._inner = inner
        self._opened = opened
        # The one that runs the application.
        self._task = task
        # The last two messages: a blank line may lie across both.
        self._before = self._last = b""
        self._compressed = self._over = False
        self._fresh = True
        self.by_contract = False
        """Its client was greeted by hello, and comes back to whatever did not say its end."""
        self.reason: str | None = None
        """Why it was ended by us."""
        self.stream: Stream | None = None

    def send(self, message: Message) -> Awaitable[None]:
        """Hand a message on, unless the response was ended."""
        if self.reason is not None:
            # Frameworks with a task of their own may go on for a moment.
            return asyncio.sleep(0)
        kind = message["type"]
        if kind == "http.response.body":
            body = message.get("body")
            if body:
                if self._fresh:
                    self._fresh = False
                    self.by_contract = _HELLO in bytes(body[:_GREETING])
                self._before, self._last = self._last, body
            self._over = not message.get("more_body")
        elif kind == "http.response.start" and message["status"] in (200, 201):
            message = self._start(message)
        return self._inner(message)

    def _start(self, message: Message) -> Message:
        headers = message.get("headers", ())
        if headers.__class__ is not list:
            # It may be an iterator, which gives what it has only once.
            headers = list(headers)
            message = {**message, "headers": headers}
        if is_event_stream(headers):
            self._compressed = header(headers, b"content-encoding") is not None
            observed = CURRENT.get()
            # One that is over is left from another request.
            self.stream = None if observed is None or observed.scope is OVER else observed
            self._opened(self)
        return message

    @property
    def is_feed(self) -> bool:
        """Whether its route is declared as one that is not meant to end."""
        stream = self.stream
        if stream is None or not stream.is_stream:
            return False
        return stream.counts.config.kind == "continuous"

    @property
    def is_between_events(self) -> bool:
        """Whether everything that was sent so far are whole events."""
        sent = bytes(self._before[-4:]) + bytes(self._last[-4:])
        return not sent or sent.endswith(_BLANK_LINES)

    def end(self, reason: str) -> None:
        """End it for a reason, unless it has ended; its application is cancelled."""
        if self._over or self.reason is not None:
            return
        self.reason = reason
        if self.stream is not None:
            CurrentStream(self.stream).end_reason(reason)
        self._task.cancel()

    def is_ours(self) -> bool:
        """Tell whether nobody but us has cancelled the task that runs now; undo it then."""
        return self.reason is not None and self._task.uncancel() == 0

    async def finish(self) -> None:
        """Tell the client what to do, and end the body in order."""
        self._over = True
        last = {"type": "http.response.body", "body": self._last_words(), "more_body": False}
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await self._inner(last)

    def _last_words(self) -> bytes:
        if self._compressed or not self.is_between_events:
            # A client drops half an event at the end; half of a compressed body it cannot read.
            return b""
        retry = b"retry: %d\n\n" % random.randint(*RETRY_MS)  # noqa: S311 - no secret
        comes_back = self.reason == "rotated" or self.by_contract
        return retry if comes_back else retry + failure("shutdown")
