"""
One open response: hello, what was missed, what comes, heartbeats in the silence, the end.

Reads a stream's log by position, so nothing can pass between replay and live. Knows neither
paths nor parameters, and never touches the stream that it reads. Where a client did not ask for
the contract, it gets what was produced, byte for byte.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache

from sse_observe.asgi import Headers, Message, Receive, Send
from sse_observe.contract import DONE, HEARTBEATS, event_id
from sse_observe.middleware.current_stream import CurrentStream
from sse_observe.reference.frames import numbered
from sse_observe.reference.opening import Found, Opening
from sse_observe.reference.store import Backlog, State
from sse_observe.wire import encode

# Never `Connection`: it is illegal on HTTP/2 and cures nothing on HTTP/1.1.
HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)
END = encode("{}", event=DONE)
# The form that clients of language models understand too.
_FAILURES = {
    "failed": ("producer_failed", "the producer of this stream failed"),
    "lost": ("producer_lost", "the host that produced this stream is gone"),
    "gone": ("stream_gone", "the store does not hold this stream any more"),
    "fell_behind": ("slow_consumer", "this client read too slowly for what is kept"),
    "shutdown": ("shutdown", "the server is shutting down"),
}


def failure(what: str) -> bytes:
    """Return the event by which a stream says that it failed, and of what."""
    kind, message = _FAILURES[what]
    return encode(json.dumps({"error": {"type": kind, "message": message}}), event="error")


def rendered(backlog: Backlog, *, by_contract: bool) -> bytes:
    """Return the events of a backlog as they are sent: with our ids, or as they were produced."""
    return _numbered(backlog) if by_contract else b"".join(backlog.frames)


# All readers of a stream that keep up are sent the same, one after the other.
@lru_cache(maxsize=1)
def _numbered(backlog: Backlog) -> bytes:
    frames, epoch = backlog.frames, backlog.epoch
    if len(frames) == 1:
        # Most often.
        return numbered(frames[0], event_id(backlog.last, epoch))
    first = backlog.first
    return b"".join(
        [numbered(frame, event_id(first + n, epoch)) for n, frame in enumerate(backlog.frames)]
    )


@dataclass(frozen=True, slots=True)
class Timing:
    """Timing of every response of one application; `unix_ms` is the wall clock."""

    heartbeat_seconds: float
    send_timeout_seconds: float
    unix_ms: Callable[[], int]


Unheld = Callable[[Found, Backlog], Awaitable[None]]


class Reader:
    """
    One response to one client.

    `unheld` is awaited where the stream is open and nobody writes it. `wake` is called with any
    news: from the store, of the client's leaving, of our own end.
    """

    def __init__(
        self,
        found: Found,
        observer: CurrentStream,
        timing: Timing,
        *,
        by_contract: bool = True,
        unheld: Unheld | None = None,
    ) -> None:
        self._found, self._unheld = found, unheld
        self._store, self._stream = found.store, found.stream
        self._by_contract = by_contract
        self._observer = observer
        self._timing = timing
        self._has_news = False
        self._waiter: asyncio.Future[None] | None = None
        self._left = self._closing = self._silent = False
        self._loop = asyncio.get_running_loop()
        self._patience = asyncio.timeout(None)
        self._sending_since: float | None = None
        self._written_at = self._loop.time()

    def wake(self) -> None:
        """Let the reader look again."""
        self._has_news = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        """End the response in order; the client comes back with its cursor, elsewhere."""
        self._closing = True
        self.wake()

    async def run(
        self,
        opening: Opening,
        hello: bytes,
        receive: Receive,
        send: Send,
        headers: Headers = HEADERS,
    ) -> None:
        """Answer until the stream ends, the client leaves, or it stops reading."""
        leaving = asyncio.create_task(self._watch(receive))
        self._set_alarm(self._timing.heartbeat_seconds)
        try:
            async with self._patience:
                await self._send(
                    send, {"type": "http.response.start", "status": 200, "headers": [*headers]}
                )
                await self._follow(opening, hello, send)
        except TimeoutError:
            if not self._patience.expired():
                raise
            self._observer.end_reason("slow_consumer")
        finally:
            self._alarm.cancel()
            leaving.cancel()
            # A turn is enough for it, most often, and cheaper than to wait in form.
            await asyncio.sleep(0)
            if not leaving.done():
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

    async def _follow(self, opening: Opening, hello: bytes, send: Send) -> None:
        # The first heartbeat goes out at once: a watchdog may start from it.
        due = hello + self._heartbeat() if self._by_contract else b""
        backlog, position = opening.backlog, opening.position
        while True:
            if backlog.frames:
                due += rendered(backlog, by_contract=self._by_contract)
            more = backlog.state == "open" and not self._closing
            if not more:
                due += self._last_words(backlog.state)
            if due or not more:
                await self._write(send, due, more=more)
            if not more:
                return
            if self._unheld is not None and not backlog.writer:
                await self._unheld(self._found, backlog)
            if not self._has_news:
                # Once for each event: an Event, for which many may wait, costs twice as much.
                self._waiter = self._loop.create_future()
                await self._waiter
            if self._left:
                return
            self._has_news = False
            due = self._heartbeat() if self._silent and self._by_contract else b""
            self._silent = False
            found = await self._store.read(self._stream.id, position)
            if found is None or found.lost or found.epoch != backlog.epoch:
                await self._write(send, due + self._cut_off(found), more=False)
                return
            backlog, position = found, max(position, found.last)

    def _last_words(self, state: State) -> bytes:
        """Return what a client is told at the end; the middleware is told why."""
        if state == "open":
            self._observer.end_reason("shutdown")
            return b"" if self._by_contract else failure("shutdown")
        if state == "failed":
            self._observer.end_reason("server_error")
            return failure("failed")
        if state == "lost":
            # Said in band, and read there by the middleware: no process here has failed.
            return failure("lost")
        if state == "stopped":
            self._observer.end_reason("cancelled")
        return END if self._by_contract else b""

    def _cut_off(self, found: Backlog | None) -> bytes:
        """Return what a client is told from whom something was taken before it was sent."""
        if found is None:
            return failure("gone")
        if not found.lost:
            # Another log has begun under its name; the next greeting says so.
            self._observer.end_reason("shutdown")
            return b"" if self._by_contract else failure("fell_behind")
        # What was not sent yet was evicted under this reader; its resume will say so.
        self._observer.end_reason("slow_consumer")
        return b"" if self._by_contract else failure("fell_behind")

    def _heartbeat(self) -> bytes:
        # Named, with data and without an id: visible to EventSource, and no event to resume from.
        return encode(f'{{"t":{self._timing.unix_ms()}}}', event=HEARTBEATS[0])

    def _write(self, send: Send, body: bytes, *, more: bool) -> Awaitable[None]:
        return self._send(send, {"type": "http.response.body", "body": body, "more_body": more})

    async def _send(self, send: Send, message: Message) -> None:
        self._sending_since = self._loop.time()
        await send(message)
        self._sending_since = None
        self._written_at = self._loop.time()
