"""
The interface of a store: a log for each stream, written by one writer, read by position.

Knows ids and bytes; knows neither HTTP nor what the bytes mean, nor where they are held.
`store_contract` holds the tests that every store must pass.
"""

import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from sse_observe.errors import SSEObserveError

State = Literal["open", "done", "failed", "lost", "stopped"]
"""
`done`: its producer said all. `failed`: the producer gave up. `lost`: the producer's host died.
`stopped`: somebody asked for its end.
"""
BEFORE_ALL = -1
"""The position before the first event."""


class StoreFullError(SSEObserveError):
    """No stream can be created now; the caller answers 503."""


class StoreDownError(SSEObserveError):
    """The store does not answer, or refuses all work; the same call may succeed later."""


class StreamExistsError(SSEObserveError):
    """A stream of that id or epoch is held already."""


class FencedError(SSEObserveError):
    """
    Somebody else writes this stream, or it has ended; the caller must stop writing.

    `stream_id` is the stream's, `state` how it stands.
    """

    def __init__(self, stream_id: str, state: State) -> None:
        # The id of a stream is a secret: who knows it may read.
        super().__init__(f"a write was refused: the stream is {state}, or has another writer")
        self.stream_id = stream_id
        self.state = state


class BehindError(SSEObserveError):
    """The store holds less than the writer wrote: it has lost the events after `last`."""

    def __init__(self, last: int) -> None:
        super().__init__(f"the store has lost what followed event {last}; write it again")
        self.last = last


class GoneError(SSEObserveError):
    """The stream that is to be written is not held (any more)."""

    def __init__(self) -> None:
        super().__init__("the stream is not held any more")


class CrowdedError(SSEObserveError):
    """The write would push out an event, and was told not to."""

    def __init__(self) -> None:
        super().__init__("the stream holds as much as it may")


@dataclass(frozen=True, slots=True)
class Stream:
    """
    The names of one stream: `id` in its URL, `epoch` in the ids of its events.

    `owner` is whom the application bound it to. `keep_seconds` is how long it stays unread,
    where that is not the store's own `idle_seconds`. `holder` is the address that asked for it:
    where there is no more room, what it does not read gives way. Without one it never does.
    """

    id: str
    epoch: str
    owner: str = ""
    keep_seconds: float | None = None
    holder: str = ""


def unleased_writer() -> str:
    """Return a name that no write used before; no host's lease stands behind it."""
    return f"-{secrets.token_hex(8)}"


class Backlog(NamedTuple):
    """
    All that a store holds of a stream after one position: `frames`, oldest first, and its `state`.

    `last` is the number of the newest event that ever was (-1: none yet), `lost` how many
    between the position and the first frame are held no more. `note` is what the writer keeps
    beside the log, `writer` who holds the stream. Another `epoch` than before is another log:
    its numbers say nothing about what was read under the old one.
    """

    frames: tuple[bytes, ...]
    last: int
    lost: int
    state: State
    epoch: str
    writer: str = ""
    note: bytes = b""

    @property
    def first(self) -> int:
        """The number of the first frame."""
        return self.last - len(self.frames) + 1


class Write(NamedTuple):
    """
    One change to a stream, done as a whole or refused as a whole: `frames` are added in order.

    It is refused unless `writer` holds the stream (None: whoever does), the stream is open, and
    it stands at `after` (None: wherever). A write that was done already, whose answer was lost,
    is not done twice. `state`, `note`, `next_writer` and `next_epoch` are what holds from then on;
    under `jump` the events between the store's last and `after` are given up. Without `evict`
    a write that would push out an event is refused.
    """

    writer: str | None
    after: int | None
    frames: tuple[bytes, ...] = ()
    state: State = "open"
    note: bytes | None = None
    next_writer: str | None = None
    next_epoch: str | None = None
    jump: bool = False
    evict: bool = True


class Written(NamedTuple):
    """The position after a write, `last`, and how many old events were `evicted` for it."""

    last: int
    evicted: int


@dataclass(frozen=True, slots=True)
class Swept:
    """The yield of a sweep: whole `streams` by id, and how many events of others were `evicted`."""

    streams: tuple[str, ...]
    evicted: int


@dataclass(frozen=True, slots=True)
class Usage:
    """How many `streams` and `events` a store holds, as far as this process answers for them."""

    streams: int
    events: int


class StreamStore(Protocol):
    """
    The log of every stream, read by position.

    A reader watches first and reads then, so that no event can pass between the two; a position
    makes a second delivery impossible. One writer at a time holds a stream: a write by another
    is refused. Everything may be called for streams that are gone, and everything may raise
    StoreDownError where the store is not `in_process`.
    """

    in_process: bool
    """Whether a write is done when it returns, without waiting, and nothing outlives us."""
    releases_lost: bool
    """Whether a stream whose host is lost waits for another writer, instead of failing."""

    async def start(self) -> None:
        """Find out whether the store can be used; raise SettingsError where it never will."""

    async def aclose(self) -> None:
        """Give back connections and tasks; the streams stay where they are."""

    def new_writer(self) -> str:
        """Return a name under which this process may hold one stream."""

    async def create(
        self,
        stream: Stream,
        *,
        writer: str = "",
        after: int = BEFORE_ALL,
        note: bytes = b"",
        again: bool = False,
    ) -> None:
        """
        Add a `stream` whose first event will follow `after`; `writer` holds it, `note` is his.

        Raises StoreFullError where no more can be held, StreamExistsError for a known name.
        `again` says that the store has lost it; raises GoneError where it was deleted on
        purpose.
        """

    async def find(self, stream_id: str) -> Stream | None:
        """Return the stream of the id `stream_id`, or None."""

    async def find_epoch(self, epoch: str) -> Stream | None:
        """Return the stream whose events carry that `epoch`, or None."""

    async def is_unsure(self) -> bool:
        """
        Tell whether a stream that is not held may live all the same.

        True where the store has just lost what it held: writers are about to bring it back.
        """

    async def write(self, stream_id: str, write: Write) -> Written:
        """
        Do a `write` to the stream `stream_id`, and wake the watchers.

        Raises FencedError, BehindError, GoneError or CrowdedError, each of which says why.
        """

    async def read(self, stream_id: str, after: int, *, touch: bool = True) -> Backlog | None:
        """
        Return what follows position `after` (-1: everything), or None without the stream.

        `stream_id` names it. Under `touch` it counts as being read, and stays for another idle
        time.
        """

    def watch(self, stream_id: str, wake: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """
        Call `wake` after each change of `stream_id` while the context is open.

        A watched stream stays.
        """

    def hold(self, stream_id: str, wake: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """
        Keep the stream `stream_id`, which this process writes, alive while the context is open.

        `wake` is called when somebody else ended or took it, and when readers came or went.
        """

    async def attended(self, stream_id: str) -> bool:
        """Tell whether anybody watches the stream `stream_id`, on any host."""

    async def delete(self, stream_id: str) -> bool:
        """Forget the stream `stream_id` at once; tell whether there was one."""

    async def sweep(self) -> Swept:
        """Forget what nobody read for long, and events that are too old, of what is ours."""

    async def usage(self) -> Usage:
        """Return how much is held."""
