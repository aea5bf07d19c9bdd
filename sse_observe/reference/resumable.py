"""
`ResumableStreams`: any application's generator under the stream contract.

Produces each stream once, whoever is connected, and serves it to whoever may read it, on any
host that shares the store. Knows ASGI; frameworks are next door.
"""

import inspect
import logging
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Literal

from sse_observe.asgi import Headers, Receive, Scope, Send, address_of
from sse_observe.errors import SettingsError
from sse_observe.middleware.current_stream import current_stream
from sse_observe.reference.asking import asks_for_contract, cursor_text
from sse_observe.reference.caretaker import Caretaker
from sse_observe.reference.cursor import new_epoch, new_stream_id
from sse_observe.reference.frames import Chunk, raw_frames
from sse_observe.reference.losses import Losses
from sse_observe.reference.memory_store import MemoryStore
from sse_observe.reference.opening import (
    UNSURE,
    Asked,
    Found,
    Opening,
    Openings,
    asked_from,
    unknown,
)
from sse_observe.reference.producer import OnDisconnect, ProducerPolicy, unread_seconds
from sse_observe.reference.producers import BusyError, Producers
from sse_observe.reference.reader import END, HEADERS, Reader, Timing, rendered
from sse_observe.reference.replies import LATER, RefusedError, reply
from sse_observe.reference.response import StreamResponse, response_class
from sse_observe.reference.store import (
    BEFORE_ALL,
    Backlog,
    BehindError,
    FencedError,
    GoneError,
    StoreDownError,
    StoreFullError,
    Stream,
    StreamExistsError,
    StreamStore,
    Write,
)
from sse_observe.registry import SSEMetrics, default_metrics

_log = logging.getLogger("sse_observe.reference")

Authorize = Callable[[Scope, Stream], bool | Awaitable[bool]]
"""Given a request's scope and the stream that it names, tells whether it may read it."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """
    A `stream` whose producer stopped before its end; `last` is the number of its last event.

    `held` are the events that the store still has, the last ones first to be of use.
    """

    stream: Stream
    last: int
    held: tuple[bytes, ...]


TakeOver = Callable[[Interrupted], AsyncIterable[Chunk]]
"""Given a stream that another host began, yields what follows its last event."""


class ResumableStreams:
    """
    The streams of one application.

    `response(frames)` is returned from a handler: the stream runs on when its client leaves.
    `resume(stream_id, request)` serves it again, `await stop(stream_id)` ends it, both on any
    host. A client gets what was yielded, byte for byte; hello, ids and heartbeats are for those
    who ask (see `asking`). Under Django the response is awaited.

    `on_disconnect` says what happens when nobody reads any more: `continue`, `stop`, or stop
    after so many seconds. `when_full` says what happens when nobody reads and the store's
    bounds are reached: `drop` the oldest events, or `wait` for a reader. `authorize(scope,
    stream)` is asked at each resume; bind a stream to a user by `response(..., owner=…)`.
    `take_over(interrupted)` goes on with a stream whose host stopped or died, where somebody
    asks for it; without it such a stream fails. Where the store is away, a new stream is kept
    by this process alone, rather than refused.

    `store` is a `MemoryStore`, unless another is given. `max_producers` and `max_readers` bound
    what runs and what is open in this process; beyond them the answer is 503. Silence has a
    heartbeat each `heartbeat_seconds`; a reader that takes nothing for `send_timeout_seconds`
    is let go; at the end producers get `drain_seconds`. `metrics` are those of the middleware,
    `unix_ms` is for tests. Raises SettingsError for what can never be right.
    """

    def __init__(
        self,
        store: StreamStore | None = None,
        *,
        on_disconnect: OnDisconnect = "continue",
        when_full: Literal["drop", "wait"] = "drop",
        authorize: Authorize | None = None,
        take_over: TakeOver | None = None,
        max_producers: int = 10_000,
        max_readers: int = 10_000,
        heartbeat_seconds: float = 10,
        send_timeout_seconds: float = 30,
        drain_seconds: float = 10,
        unix_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        metrics: SSEMetrics | None = None,
    ) -> None:
        limits = {
            "max_producers": max_producers,
            "max_readers": max_readers,
            "heartbeat_seconds": heartbeat_seconds,
            "send_timeout_seconds": send_timeout_seconds,
        }
        for name, value in limits.items():
            if not value > 0:
                raise SettingsError(f"ResumableStreams: {name}={value!r}; give more than 0")
        if not drain_seconds >= 0:
            raise SettingsError(
                f"ResumableStreams: drain_seconds={drain_seconds!r}; give 0 or more"
            )
        if when_full not in ("drop", "wait"):
            raise SettingsError(f"ResumableStreams: when_full={when_full!r}; give 'drop' or 'wait'")
        self.store = store or MemoryStore()
        if take_over is not None:
            self.store.releases_lost = True
        self._alone = self.store if self.store.in_process else MemoryStore()
        policy = ProducerPolicy(
            unread_seconds(on_disconnect),
            waits=when_full == "wait",
            hands_over=take_over is not None,
        )
        fenced = (metrics or default_metrics()).counter("sse_streams_fenced_total")
        self.producers = Producers(self.store, policy, limit=max_producers, on_fenced=fenced.inc)
        self._openings = Openings(*dict.fromkeys((self.store, self._alone)))
        self._authorize = authorize
        self._take_over = take_over
        self._timing = Timing(heartbeat_seconds, send_timeout_seconds, unix_ms)
        self._max_readers = max_readers
        self._losses = Losses()
        self.readers: set[Reader] = set()
        self._caretaker = Caretaker(self, drain_seconds)
        self.closed = False

    def response(
        self,
        frames: AsyncIterable[Chunk],
        request: object = None,
        *,
        stream_id: str | None = None,
        owner: str = "",
    ) -> StreamResponse:
        """
        Return the response that begins a stream and reads it from the start.

        `frames` yields text or bytes in the wire format. `request` is needed under Django alone.
        `owner` is whom the stream belongs to, for `authorize`. `stream_id` names the stream, where
        the application has a name already: one that others can guess wants `authorize`.
        Raises TypeError where `frames` is no async generator.
        """
        if not hasattr(frames, "__aiter__"):
            raise TypeError(
                f"ResumableStreams.response: {type(frames).__name__} is no async generator; "
                "call your `async def` function that yields, and pass what it returns"
            )
        stream = Stream(stream_id or new_stream_id(), new_epoch(), owner)

        async def answer(scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
            # Who cannot read it, and will ask again, must not let it be produced.
            self.check_readers()
            held = replace(stream, holder=address_of(scope))
            found = await self.begin(held, raw_frames(frames))
            contract = asks_for_contract(scope)
            await self.serve(Asked(found, "", None, None), receive, send, headers, contract)

        return response_class(request)(answer, request, stream.id)

    def resume(self, stream_id: str, request: object = None) -> StreamResponse:
        """
        Return the response that reads a stream on, from the cursor that the client sent.

        `stream_id` is the name in hello; `request` is needed under Django alone.
        A stream that is unknown, or not for this client, is answered by 404; one that the
        client has whole by 204.
        """

        async def answer(scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
            found = await self.authorized(await self._openings.named(stream_id), scope)
            asked = asked_from(found, cursor_text(scope))
            await self.serve(asked, receive, send, headers, asks_for_contract(scope))

        return response_class(request)(answer, request, stream_id)

    async def stop(self, stream_id: str) -> bool:
        """
        End `stream_id` as its user's wish, wherever it runs; tell whether it was open.

        Raises StoreDownError where nobody can know.
        """
        for store in self._stores():
            try:
                await store.write(stream_id, Write(None, None, state="stopped"))
            except FencedError:
                continue
            except GoneError:
                if await store.is_unsure():
                    raise StoreDownError(f"{UNSURE}; stop it again later") from None
                continue
            return True
        return False

    async def begin(self, stream: Stream, frames: AsyncIterator[bytes]) -> Found:
        """Create a stream and start its producer; raise where there is no room for it."""
        if self.closed:
            raise RefusedError(503, "the server is shutting down; retry", LATER)
        try:
            self.producers.check_limit()
        except BusyError as busy:
            raise RefusedError(503, str(busy), LATER) from None
        store, writer = await self._created(stream)
        self.producers.start(stream, writer, frames, store=store)
        self._caretaker.start()
        return Found(store, stream, is_new=True)

    async def _created(self, stream: Stream) -> tuple[StreamStore, str]:
        store = self.store
        try:
            writer = store.new_writer()
            await store.create(stream, writer=writer)
        except StoreDownError as down:
            _log.warning("%s; a stream is kept by this process alone", down)
            store = self._alone
            writer = store.new_writer()
            await store.create(stream, writer=writer)
        except StreamExistsError:
            raise RefusedError(409, "a stream of that name exists; resume it") from None
        except StoreFullError as full:
            raise RefusedError(503, str(full), LATER) from None
        return store, writer

    async def authorized(self, found: Found, scope: Scope) -> Found:
        """Return the stream if the application lets this request read it; refuse otherwise."""
        if self._authorize is not None:
            allowed = self._authorize(scope, found.stream)
            if inspect.isawaitable(allowed):
                allowed = await allowed
            if not allowed:
                # As if it did not exist: who may not read it need not learn that it does.
                raise unknown()
        return found

    def check_readers(self) -> None:
        """Refuse one more response than may be open."""
        if len(self.readers) >= self._max_readers:
            raise RefusedError(503, "too many connections are open; retry later", LATER)

    async def serve(
        self,
        asked: Asked,
        receive: Receive,
        send: Send,
        headers: Headers = HEADERS,
        by_contract: bool = True,
    ) -> None:
        """Answer one request for a stream until the stream ends, or its client leaves."""
        if self.closed:
            raise RefusedError(503, "the server is shutting down; retry", LATER)
        self.check_readers()
        observer = self._caretaker.observer = current_stream()
        reader = Reader(
            asked.found,
            observer,
            self._timing,
            by_contract=by_contract,
            unheld=None if self._take_over is None else self._go_on,
        )
        self.readers.add(reader)
        self._caretaker.start()
        try:
            # Watch first, read then: whatever is published from here on wakes the reader.
            async with asked.found.store.watch(asked.found.stream.id, reader.wake):
                opening = await self._openings.open(asked)
                if opening.is_empty:
                    await _nothing_left(opening, send)
                    return
                if by_contract:
                    opening.observe(observer, self._losses)
                hello = opening.hello(observer, self._timing.heartbeat_seconds)
                await reader.run(opening, hello if by_contract else b"", receive, send, headers)
        except StoreDownError:
            # Only before the response begins: later the reader has a copy of its own.
            if asked.found.is_new:
                # It is answered by 503, without a name: to ask again would cost it twice.
                self.producers.stop(asked.found.stream.id)
            raise
        finally:
            self.readers.discard(reader)

    async def poll(self, asked: Asked, send: Send) -> None:
        """Answer with what there is, and end."""
        observer = self._caretaker.observer = current_stream()
        opening = await self._openings.open(asked)
        if opening.is_empty:
            await _nothing_left(opening, send)
            return
        opening.observe(observer, self._losses)
        observer.polled()
        end = END if opening.backlog.state in ("done", "stopped") else b""
        hello = opening.hello(observer, self._timing.heartbeat_seconds)
        body = hello + rendered(opening.backlog, by_contract=True) + end
        length = (b"content-length", str(len(body)).encode())
        start = {"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]}
        await send(start)
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _go_on(self, found: Found, backlog: Backlog) -> None:
        """Take over a stream that has no producer any more, unless another host is quicker."""
        if self._take_over is None or self.closed:
            return
        writer = found.store.new_writer()
        try:
            await found.store.write(
                found.stream.id, Write(backlog.writer, backlog.last, next_writer=writer)
            )
        except (FencedError, GoneError, BehindError):
            return
        whole = await found.store.read(found.stream.id, BEFORE_ALL, touch=False)
        frames = whole.frames if whole else ()
        source = self._take_over(Interrupted(found.stream, backlog.last, frames))
        self.producers.start(
            found.stream, writer, raw_frames(source), store=found.store, after=backlog.last
        )

    async def find(self, stream_id: str) -> Found:
        """Return the stream of that id; refuse where there is none."""
        return await self._openings.named(stream_id)

    async def find_epoch(self, epoch: str) -> Found | None:
        """Return the stream whose events carry that epoch."""
        return await self._openings.by_epoch(epoch)

    def _stores(self) -> list[StreamStore]:
        return list(dict.fromkeys((self.store, self._alone)))

    async def start(self) -> None:
        """Find out whether the store can be used; raise SettingsError where it never will."""
        self.closed = False
        await self.store.start()

    async def drain(self) -> None:
        """End every response in order, refuse new ones, and stop or hand over what is produced."""
        self.closed = True
        for reader in tuple(self.readers):
            reader.close()
        await self.producers.close()

    async def aclose(self) -> None:
        """End all of it, and give back what the store holds of this process."""
        await self.drain()
        await self._caretaker.stop()
        await self.store.aclose()


async def _nothing_left(opening: Opening, send: Send) -> None:
    """Let a client that has everything stay away, so that it does not ask for ever."""
    if opening.backlog.state in ("failed", "lost"):
        raise RefusedError(410, "the stream failed; create a new one")
    await reply(send, 204)
