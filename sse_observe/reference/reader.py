"""
One open response: hello, what was missed, what happens, heartbeats in the silence, the end.

Reads a stream's log by position, so nothing can pass between replay and live. Knows neither
paths nor parameters, and never touches the stream that it reads.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sse_observe.current import CurrentStream
from sse_observe.reference.http import Message, Receive, Send
from sse_observe.reference.store import Page, Stream, StreamStore
from sse_observe.wire import encode

# Never `Connection`: it is illegal on HTTP/2 and cures nothing on HTTP/1.1.
HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)
DONE = encode("{}", event="done")


@dataclass(frozen=True, slots=True)
class Manner:
    """How every response of one application behaves; `unix_ms` is the wall clock."""

    heartbeat_seconds: float
    send_timeout_seconds: float
    unix_ms: Callable[[], int]


class Reader:
    """
    One response to one client.

    `wake` is for whoever has news: the store, the client's leaving, the application's end.
    """

    def __init__(
        self, store: StreamStore, stream: Stream, here: CurrentStream, manner: Manner
    ) -> None:
        self._store = store
        self._stream = stream
        self._here = here
        self._manner = manner
        self._news = asyncio.Event()
        self._left = False
        self._closing = False
        self._written_at = 0.0

    def wake(self) -> None:
        """Let the reader look again."""
        self._news.set()

    def close(self) -> None:
        """End the response in order; the client comes back with its cursor, elsewhere."""
        self._closing = True
        self.wake()

    async def run(self, first: Page, hello: bytes, receive: Receive, send: Send) -> None:
        """Answer until the stream ends, the client leaves, or it stops reading."""
        start: Message = {"type": "http.response.start", "status": 200, "headers": list(HEADERS)}
        if not await self._send(send, start):
            return
        leaving = asyncio.create_task(self._watch(receive))
        try:
            await self._follow(first, hello, send)
        finally:
            leaving.cancel()
            await asyncio.wait([leaving])

    async def _watch(self, receive: Receive) -> None:
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._left = True
            self.wake()

    async def _follow(self, page: Page, hello: bytes, send: Send) -> None:
        # The first heartbeat goes out at once: a watchdog may start from it.
        due = hello + self._heartbeat()
        while True:
            due += b"".join(page.frames)
            if page.state == "done":
                due += DONE
            elif self._closing:
                self._here.ended("shutdown")
            elif page.state == "failed":
                self._here.ended("server_error")
            more = page.state == "open" and not self._closing
            if (due or not more) and not await self._write(send, due, more=more):
                return
            if not more:
                return
            position = page.last
            await self._next_news()
            if self._left:
                return
            due = b"" if self._news.is_set() else self._heartbeat()
            self._news.clear()
            found = await self._store.read(self._stream.id, position)
            if found is None or found.lost:
                # What was not sent yet was evicted under this reader; its resume will say so.
                self._here.ended("slow_consumer")
                await self._write(send, b"", more=False)
                return
            page = found

    async def _next_news(self) -> None:
        """Wait until there is something to look at, or silence has lasted a heartbeat."""
        try:
            async with asyncio.timeout_at(self._written_at + self._manner.heartbeat_seconds):
                await self._news.wait()
        except TimeoutError:
            pass

    def _heartbeat(self) -> bytes:
        # Named, with data and without an id: visible to EventSource, and no event to resume from.
        return encode(f'{{"t":{self._manner.unix_ms()}}}', event="heartbeat")

    async def _write(self, send: Send, body: bytes, *, more: bool) -> bool:
        return await self._send(
            send, {"type": "http.response.body", "body": body, "more_body": more}
        )

    async def _send(self, send: Send, message: Message) -> bool:
        """Send, and tell whether the client took it in time."""
        patience = asyncio.timeout(self._manner.send_timeout_seconds)
        try:
            async with patience:
                await send(message)
        except TimeoutError:
            if not patience.expired():
                raise
            self._here.ended("slow_consumer")
            return False
        self._written_at = asyncio.get_running_loop().time()
        return True
