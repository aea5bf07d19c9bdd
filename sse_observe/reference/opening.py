"""
The opening of one response: which stream a client means, and what it has not seen of it.

Knows streams and cursors; a cursor that nobody can use starts from the start, and is no error.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sse_observe.middleware.current_stream import CurrentStream
from sse_observe.reference.cursor import Cursor, parse_cursor
from sse_observe.reference.losses import Losses
from sse_observe.reference.producers import Params
from sse_observe.reference.replies import RefusedError
from sse_observe.reference.store import Backlog, Stream, StreamStore

CREATE_PATH = "/api/v1/streams"
# The words of the contract itself in a query; everything else is the producer's.
_OURS = {"stream_id", "last_event_id", "mode", "network_type"}


@dataclass(frozen=True, slots=True)
class Asked:
    """The stream that a client means; where its cursor is of no use, `outcome` says why."""

    stream: Stream
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
    """Finds streams in a store, and begins those that do not exist yet by `create`."""

    def __init__(self, store: StreamStore, create: Callable[[Params], Awaitable[Stream]]) -> None:
        self._store = store
        self._create = create

    async def named(self, stream_id: str) -> Stream:
        """Return the stream of that id; refuse where there is none."""
        found = await self._store.find(stream_id)
        if found is None:
            raise _unknown()
        return found

    async def asked(self, query: Mapping[str, str], header: str) -> Asked:
        """Return what a client asks for: by id, else by its cursor's epoch, else anew."""
        text = header or query.get("last_event_id", "")
        cursor = parse_cursor(text)
        epoch = cursor.epoch if cursor else None
        if "stream_id" in query:
            found: Stream | None = await self.named(query["stream_id"])
        else:
            found = await self._store.find_epoch(epoch) if epoch else None
        outcome = None
        if text and cursor is None:
            outcome = "malformed"
        elif cursor and (found is None or epoch not in (None, found.epoch)):
            outcome = "unknown_stream"
        if found is None:
            found = await self._create({k: v for k, v in query.items() if k not in _OURS})
        return Asked(found, text, None if outcome else cursor, outcome)

    async def open(self, asked: Asked) -> Opening:
        """Read what the client has not seen."""
        stream, outcome = asked.stream, asked.outcome
        if asked.cursor is not None:
            seq = asked.cursor.seq
            backlog = await self._read(stream, seq)
            if seq <= backlog.last:
                outcome = "gap" if backlog.lost else "full"
                return Opening(stream, backlog, asked.text, seq, outcome)
            # An event that was never sent cannot have been seen.
            outcome = "malformed"
        return Opening(stream, await self._read(stream, -1), outcome=outcome)

    async def _read(self, stream: Stream, after: int) -> Backlog:
        backlog = await self._store.read(stream.id, after)
        if backlog is None:
            raise _unknown()
        return backlog


def _unknown() -> RefusedError:
    # Not a fresh stream: its parameters are gone, and the answer would be to no question.
    return RefusedError(404, f"no such stream; create one by POST {CREATE_PATH}")
