"""
The opening of one response: which stream a client means, and what it has not seen of it.

Knows streams and cursors; a cursor that nobody can use starts from the start, and is no error.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from sse_observe.middleware.current_stream import CurrentStream
from sse_observe.reference.cursor import Cursor, parse_cursor
from sse_observe.reference.losses import Losses
from sse_observe.reference.replies import LATER, RefusedError
from sse_observe.reference.store import (
    BEFORE_ALL,
    Backlog,
    StoreDownError,
    Stream,
    StreamStore,
)

UNSURE = "the store has just lost what it held, and the stream may come back"


@dataclass(frozen=True, slots=True)
class Found:
    """A stream, and the store that holds it; `is_new` if this very request has begun it."""

    store: StreamStore
    stream: Stream
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """The stream that a client means; where its cursor is of no use, `outcome` says why."""

    found: Found
    text: str
    cursor: Cursor | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Opening:
    """A stream, from where it is resumed, what follows there, and what became of the cursor."""

    stream: Stream
    backlog: Backlog
    resumed_from: str | None = None
    seq: int | None = None
    outcome: str | None = None

    @property
    def position(self) -> int:
        """The number of the last event that the client has, or will have after the backlog."""
        return max(self.backlog.last, -1 if self.seq is None else self.seq)

    @property
    def is_empty(self) -> bool:
        """Whether the stream has ended and the client has everything."""
        return self.backlog.state != "open" and not (self.backlog.frames or self.backlog.lost)

    @property
    def replayed(self) -> int:
        """The number of events that are sent again because the client missed them."""
        return 0 if self.resumed_from is None else len(self.backlog.frames)

    def observe(self, observer: CurrentStream, losses: Losses) -> None:
        """Count what the replay can give and what it cannot."""
        if self.outcome is not None:
            observer.resume(self.outcome)
        if lost := losses.fresh(self.stream.epoch, self.seq, self.backlog.lost):
            observer.lost(lost)
        if self.replayed:
            observer.replayed(self.replayed)

    def hello(self, observer: CurrentStream, heartbeat_seconds: float) -> bytes:
        """Return the greeting that says all this to the client."""
        return observer.hello(
            stream=self.stream.id,
            resumed_from=self.resumed_from,
            replayed=self.replayed,
            lost=self.backlog.lost,
            heartbeat_seconds=heartbeat_seconds,
        )


class Openings:
    """Finds streams, first in the store that hosts share, then in what this process held alone."""

    def __init__(self, *stores: StreamStore) -> None:
        self._stores = stores

    async def named(self, stream_id: str) -> Found:
        """Return the stream of that id; refuse where there is none."""
        found = await self._first(lambda store: store.find(stream_id))
        if found is None:
            await self._check_memory()
            raise unknown()
        return found

    async def by_epoch(self, epoch: str) -> Found | None:
        """Return the stream whose events carry that epoch."""
        found = await self._first(lambda store: store.find_epoch(epoch))
        if found is None:
            await self._check_memory()
        return found

    async def _check_memory(self) -> None:
        """Refuse for a while what a store cannot deny: who is told 404 never comes back."""
        for store in self._stores:
            if await store.is_unsure():
                raise RefusedError(503, f"{UNSURE}; retry", LATER)

    async def _first(self, find: Callable[[StreamStore], Awaitable[Stream | None]]) -> Found | None:
        down = None
        for store in self._stores:
            try:
                stream = await find(store)
            except StoreDownError as error:
                down = error
                continue
            if stream is not None:
                return Found(store, stream)
        if down is not None:
            # It may well be there: that is not for us to deny.
            raise down
        return None

    async def open(self, asked: Asked) -> Opening:
        """Read what the client has not seen."""
        found, cursor, outcome = asked.found, asked.cursor, asked.outcome
        stream = found.stream
        backlog = await self._read(found, BEFORE_ALL if cursor is None else cursor.seq)
        if backlog.epoch != stream.epoch:
            # Since it was found, another log has begun under its name.
            stream = replace(stream, epoch=backlog.epoch)
            if cursor is not None:
                cursor, outcome = None, "unknown_stream"
                backlog = await self._read(found, BEFORE_ALL)
        if cursor is None:
            return Opening(stream, backlog, outcome=outcome)
        # What was never sent cannot have been seen. But a store of its own may have lost what it
        # held, and a cursor with our epoch was sent once: the stream's only writer will bring the
        # events back under the same numbers.
        can_lose = cursor.epoch is not None and not found.store.in_process
        if cursor.seq > backlog.last and not can_lose:
            backlog = await self._read(found, BEFORE_ALL)
            return Opening(stream, backlog, outcome="malformed")
        outcome = "gap" if backlog.lost else "full"
        return Opening(stream, backlog, asked.text, cursor.seq, outcome)

    async def _read(self, found: Found, after: int) -> Backlog:
        backlog = await found.store.read(found.stream.id, after)
        if backlog is None:
            await self._check_memory()
            raise unknown()
        return backlog


def asked_from(found: Found, text: str) -> Asked:
    """Return what a client asks of a stream by the cursor that it sent."""
    cursor = parse_cursor(text)
    if text and cursor is None:
        return Asked(found, text, None, "malformed")
    if cursor and cursor.epoch not in (None, found.stream.epoch):
        return Asked(found, text, None, "unknown_stream")
    return Asked(found, text, cursor, None)


def unknown() -> RefusedError:
    """Return the refusal of a stream that is not held, or not for this client."""
    # Not a fresh stream: its parameters are gone, and the answer would be to no question.
    return RefusedError(404, "no such stream; create a new one")
