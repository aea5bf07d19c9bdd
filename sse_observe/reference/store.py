"""
The interface of a store: where streams are kept, and how they are read.

Knows ids and framed events; knows neither HTTP nor who produces, nor where bytes are held.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from sse_observe.errors import SSEObserveError

State = Literal["open", "done", "failed"]


class StoreFullError(SSEObserveError):
    """No stream can be created now; the caller answers 503."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The names of one stream: `id` in its URL, `epoch` in the ids of its events."""

    id: str
    epoch: str


@dataclass(frozen=True, slots=True)
class Backlog:
    """
    All that a store holds of a stream after one position.

    `last` is the number of the newest event that ever was (-1: none yet), `lost` how many
    between the position and the first frame are held no more.
    """

    frames: tuple[bytes, ...]
    last: int
    lost: int
    state: State


@dataclass(frozen=True, slots=True)
class Swept:
    """The yield of a sweep: whole streams by id, and how many events of the others."""

    streams: tuple[str, ...]
    evicted: int


@dataclass(frozen=True, slots=True)
class Usage:
    """The contents of a store in numbers: streams, and their events that can be replayed."""

    streams: int
    events: int


class StreamStore(Protocol):
    """
    The log of every stream, read by position.

    A reader watches first and reads then, so that no event can pass between the two; a position
    makes a second delivery impossible. One producer writes each stream. All methods may be
    called for streams that are gone.
    """

    async def create(self, stream: Stream) -> None:
        """Add a stream; raise StoreFullError where no more can be held."""

    async def find(self, stream_id: str) -> Stream | None:
        """Return the stream of that id."""

    async def find_epoch(self, epoch: str) -> Stream | None:
        """Return the stream whose events carry that epoch."""

    async def append(self, stream_id: str, frame: bytes) -> int:
        """Add the next event and wake the listeners; return how many old ones had to go."""

    async def finish(self, stream_id: str, state: State) -> None:
        """Say that no event follows, and wake the listeners."""

    async def read(self, stream_id: str, after: int) -> Backlog | None:
        """Return what follows position `after` (-1: everything), or None without the stream."""

    def watch(self, stream_id: str, wake: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Call `wake` after each change while the context is open; a watched stream stays."""

    async def sweep(self) -> Swept:
        """Forget the streams that nobody read for long, and the events that are too old."""

    async def usage(self) -> Usage:
        """Return how much is held."""
