"""
One open response: hello, what was missed, what happens, heartbeats in the silence, the end.

Reads a stream's log by position, so nothing can pass between replay and live. Knows neither
paths nor parameters, and never touches the stream that it reads.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sse_observe.middleware.current_stream import CurrentStream
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
        self._left = self._closing = self._silent = False
        self._loop = asyncio.get_running_loop()
        self._patience = asyncio.timeout(None)
        self._sending_since: float | None = None
        self._written_at = self._loop.time()

    def wake(self) -> None:
        """Let the reader look again."""
        self._news.set()

    def close(self) -> None:
        """End the response in order; the client comes back with its cursor, elsewhere."""
        self._closing = True
        self.wake()

    async def run(self, first: Page, hello: bytes, receive: Receive, send: Send) -> None:
        """Answer until the stream ends, the client leaves, or it stops reading."""
        leaving = asyncio.create_task(self._watch(receive))
        self._set_alarm(self._manner.heartbeat_seconds)
        try:
            async with self._patience:
                await self._follow(first, hello, send)
        except TimeoutError:
            if not self._patience.expired():
                raise
            self._here.end_reason("slow_consumer")
        finally:
            self._alarm.cancel()
            leaving.cancel()
            await asyncio.wait([leaving])

    async def _watch(self, receive: Receive) -> None:
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._left = True
            self.wake()

    def _set_alarm(self, seconds: float) -> None:
        # Never later than a send may take, so that one which begins meanwhile is seen in time.
        # One timer that is set again when it rings: two per event cost more than the event.
        soon = min(seconds, self._manner.send_timeout_seconds)
        self._alarm = self._loop.call_later(soon, self._ring)

    def _ring(self) -> None:
        """See whether a send is stuck, or the silence has lasted for a heartbeat."""
        since = self._sending_since
        if since is not None:
            left = since + self._manner.send_timeout_seconds - self._loop.time()
            if left <= 0:
                self._patience.reschedule(self._loop.time())
                return
        else:
            left = self._written_at + self._manner.heartbeat_seconds - self._loop.time()
            if left <= 0:
                self._silent = True
                self.wake()
                left = self._manner.heartbeat_seconds
        self._set_alarm(left)

    async def _follow(self, page: Page, hello: bytes, send: Send) -> None:
        await self._send(
            send, {"type": "http.response.start", "status": 200, "headers": list(HEADERS)}
        )
        # The first heartbeat goes out at once: a watchdog may start from it.
        due = hello + self._heartbeat()
        while True:
            due += b"".join(page.frames)
            if page.state == "done":
                due += DONE
            elif self._closing:
                self._here.end_reason("shutdown")
            elif page.state == "failed":
                self._here.end_reason("server_error")
            more = page.state == "open" and not self._closing
            if due or not more:
                await self._write(send, due, more=more)
            if not more:
                return
            position = page.last
            await self._news.wait()
            if self._left:
                return
            self._news.clear()
            due = self._heartbeat() if self._silent else b""
            self._silent = False
            found = await self._store.read(self._stream.id, position)
            if found is None or found.lost:
                # What was not sent yet was evicted under this reader; its resume will say so.
                self._here.end_reason("slow_consumer")
                await self._write(send, b"", more=False)
                return
            page = found

    def _heartbeat(self) -> bytes:
        # Named, with data and without an id: visible to EventSource, and no event to resume from.
        return encode(f'{{"t":{self._manner.unix_ms()}}}', event="heartbeat")

    async def _write(self, send: Send, body: bytes, *, more: bool) -> None:
        await self._send(send, {"type": "http.response.body", "body": body, "more_body": more})

    async def _send(self, send: Send, message: Message) -> None:
        self._sending_since = self._loop.time()
        await send(message)
        self._sending_since = None
        self._written_at = self._loop.time()
