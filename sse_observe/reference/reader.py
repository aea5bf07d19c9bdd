"""
One open response: hello, what was missed, what comes, heartbeats in the silence, the end.

Reads a stream's log by position, so nothing can pass between replay and live. Knows neither
paths nor parameters, and never touches the stream that it reads.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sse_observe.asgi import Message, Receive, Send
from sse_observe.contract import DONE, HEARTBEATS
from sse_observe.middleware.current_stream import CurrentStream
from sse_observe.reference.store import Backlog, Stream, StreamStore
from sse_observe.wire import encode

# Never `Connection`: it is illegal on HTTP/2 and cures nothing on HTTP/1.1.
HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)
END = encode("{}", event=DONE)


@dataclass(frozen=True, slots=True)
class Timing:
    """Timing of every response of one application; `unix_ms` is the wall clock."""

    heartbeat_seconds: float
    send_timeout_seconds: float
    unix_ms: Callable[[], int]


class Reader:
    """
    One response to one client.

    `wake` is called with any news: from the store, of the client's leaving, of our own end.
    """

    def __init__(
        self, store: StreamStore, stream: Stream, observer: CurrentStream, timing: Timing
    ) -> None:
        self._store = store
        self._stream = stream
        self._observer = observer
        self._timing = timing
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

    async def run(self, first: Backlog, hello: bytes, receive: Receive, send: Send) -> None:
        """Answer until the stream ends, the client leaves, or it stops reading."""
        leaving = asyncio.create_task(self._watch(receive))
        self._set_alarm(self._timing.heartbeat_seconds)
        try:
            async with self._patience:
                await self._follow(first, hello, send)
        except TimeoutError:
            if not self._patience.expired():
                raise
            self._observer.end_reason("slow_consumer")
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
        soon = min(seconds, self._timing.send_timeout_seconds)
        self._alarm = self._loop.call_later(soon, self._ring)

    def _ring(self) -> None:
        """See whether a send is stuck, or the silence has lasted for a heartbeat."""
        since = self._sending_since
        if since is not None:
            left = since + self._timing.send_timeout_seconds - self._loop.time()
            if left <= 0:
                self._patience.reschedule(self._loop.time())
                return
        else:
            left = self._written_at + self._timing.heartbeat_seconds - self._loop.time()
            if left <= 0:
                self._silent = True
                self.wake()
                left = self._timing.heartbeat_seconds
        self._set_alarm(left)

    async def _follow(self, backlog: Backlog, hello: bytes, send: Send) -> None:
        await self._send(
            send, {"type": "http.response.start", "status": 200, "headers": list(HEADERS)}
        )
        # The first heartbeat goes out at once: a watchdog may start from it.
        due = hello + self._heartbeat()
        while True:
            due += b"".join(backlog.frames)
            if backlog.state == "done":
                due += END
            elif self._closing:
                self._observer.end_reason("shutdown")
            elif backlog.state == "failed":
                self._observer.end_reason("server_error")
            more = backlog.state == "open" and not self._closing
            if due or not more:
                await self._write(send, due, more=more)
            if not more:
                return
            position = backlog.last
            await self._news.wait()
            if self._left:
                return
            self._news.clear()
            due = self._heartbeat() if self._silent else b""
            self._silent = False
            found = await self._store.read(self._stream.id, position)
            if found is None or found.lost:
                # What was not sent yet was evicted under this reader; its resume will say so.
                self._observer.end_reason("slow_consumer")
                await self._write(send, b"", more=False)
                return
            backlog = found

    def _heartbeat(self) -> bytes:
        # Named, with data and without an id: visible to EventSource, and no event to resume from.
        return encode(f'{{"t":{self._timing.unix_ms()}}}', event=HEARTBEATS[0])

    async def _write(self, send: Send, body: bytes, *, more: bool) -> None:
        await self._send(send, {"type": "http.response.body", "body": body, "more_body": more})

    async def _send(self, send: Send, message: Message) -> None:
        self._sending_since = self._loop.time()
        await send(message)
        self._sending_since = None
        self._written_at = self._loop.time()
