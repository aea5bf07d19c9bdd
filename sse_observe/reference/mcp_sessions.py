"""
Legacy MCP sessions (before 2026-07-28) whose events are kept in a store, each session's for itself.

Knows the SDK's `EventStore` and our stores. Needs the package `mcp`. The protocol of 2026-07-28
has no resumption: there is nothing to keep for it.
"""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field

from sse_observe.contract import event_id
from sse_observe.errors import MissingExtraError
from sse_observe.reference.cursor import new_epoch, new_stream_id, parse_cursor
from sse_observe.reference.store import (
    BEFORE_ALL,
    FencedError,
    GoneError,
    StoreDownError,
    StoreFullError,
    Stream,
    StreamStore,
    Write,
    unleased_writer,
)

try:
    from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from mcp.types import JSONRPCMessage
    from pydantic import TypeAdapter
except ImportError:
    raise MissingExtraError("sessions of MCP need its SDK: pip install mcp") from None

_log = logging.getLogger("sse_observe.reference")
# Requests of one session that are answered at the same time; an older one is seldom written again.
_MOST_LOGS = 100
_MESSAGE: TypeAdapter[JSONRPCMessage] = TypeAdapter(JSONRPCMessage)


@dataclass(slots=True)
class _Log:
    """One of the session's streams, as far as it was written here."""

    stream: Stream
    writer: str
    last: int = BEFORE_ALL
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class SessionEvents(EventStore):
    """
    The SDK's `EventStore` for one session; a cursor of another session replays nothing.

    The SDK's names of streams repeat from session to session, so events are never found by them.
    Where the store is away, messages are delivered all the same, and cannot be replayed. A replay
    that would have a gap replays nothing: the protocol has no word for a gap.
    """

    def __init__(self, store: StreamStore, session: str = "") -> None:
        self._store = store
        self._owner = f"mcp:{session or new_stream_id()}"
        self._logs: OrderedDict[str, _Log] = OrderedDict()

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        """Keep one message and return its cursor; None is the place before the first."""
        try:
            return await self._stored(stream_id, message)
        except (StoreDownError, StoreFullError) as error:
            _log.warning("%s; an event of MCP cannot be replayed", error)
            return event_id(0, new_epoch())

    async def _stored(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        log = await self._log(stream_id)
        async with log.lock:
            try:
                await self._write(log, message)
            except (GoneError, FencedError):
                # Nobody read it for long, or its answer was given already: what follows is new.
                self._logs.pop(stream_id, None)
                log = await self._log(stream_id)
                await self._write(log, message)
            return event_id(log.last, log.stream.epoch)

    async def _write(self, log: _Log, message: JSONRPCMessage | None) -> None:
        frame = b""
        if message is not None:
            frame = _MESSAGE.dump_json(message, by_alias=True, exclude_none=True)
        # With the answer to its request a stream is whole, and may give way to others.
        body = getattr(message, "root", message)
        is_answer = hasattr(body, "result") or hasattr(body, "error")
        write = Write(log.writer, log.last, (frame,), state="done" if is_answer else "open")
        log.last = (await self._store.write(log.stream.id, write)).last

    async def _log(self, stream_id: str) -> _Log:
        log = self._logs.get(stream_id)
        if log is None:
            log = _Log(Stream(new_stream_id(), new_epoch(), self._owner), unleased_writer())
            self._logs[stream_id] = log
            async with log.lock:
                await self._store.create(log.stream, writer=log.writer, note=stream_id.encode())
            while len(self._logs) > _MOST_LOGS:
                self._logs.popitem(last=False)
        return log

    async def replay_events_after(
        self, last_event_id: str, send_callback: EventCallback
    ) -> str | None:
        """Send what followed a cursor of this session; return the SDK's name of its stream."""
        cursor = parse_cursor(last_event_id)
        if cursor is None or cursor.epoch is None:
            return None
        try:
            stream = await self._store.find_epoch(cursor.epoch)
            if stream is None or stream.owner != self._owner:
                return None
            found = await self._store.read(stream.id, cursor.seq)
        except StoreDownError as down:
            _log.warning("%s; nothing is replayed", down)
            return None
        if found is None or found.lost or found.epoch != cursor.epoch:
            return None
        for number, frame in enumerate(found.frames, found.first):
            if frame:
                message = _MESSAGE.validate_json(frame)
                await send_callback(EventMessage(message, event_id(number, found.epoch)))
        return found.note.decode()


class ResumableSessionManager(StreamableHTTPSessionManager):
    """
    The SDK's manager of sessions, of which each keeps its events in a store.

    Takes what the SDK's own takes (`app`, and its `options` by name), but a `store` instead of an
    `event_store`, which all sessions would share.
    """

    def __init__(self, app: object, store: StreamStore, **options: object) -> None:
        self._store = store
        # An `MCPServer` is a comfortable way to make a `Server`.
        server = getattr(app, "_lowlevel_server", app)
        # The options are the SDK's own, and it checks them.
        super().__init__(server, **options)  # type: ignore[arg-type]

    @property
    def event_store(self) -> EventStore:
        """The events of a new session: the SDK asks once for each."""
        return SessionEvents(self._store)

    @event_store.setter
    def event_store(self, given: EventStore | None) -> None:
        if given is not None:
            raise TypeError("ResumableSessionManager: give a store; each session has its own")
