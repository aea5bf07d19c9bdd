"""
Durable streams in a store: what one is at a moment, and how it is changed as a whole.

Knows the store's writes and the protocol's facts; knows no HTTP. Whoever changes facts changes
the writer's name with them, so that a change made from old facts is refused and made anew.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakValueDictionary

from sse_observe.reference.cursor import new_epoch as new_name
from sse_observe.reference.durable_streams.facts import Facts, pack, unpack
from sse_observe.reference.durable_streams.offset import Offset
from sse_observe.reference.replies import LATER, RefusedError
from sse_observe.reference.store import (
    FencedError,
    GoneError,
    StoreDownError,
    Stream,
    StreamExistsError,
    StreamStore,
    Write,
    unleased_writer,
)

T = TypeVar("T")
Attempt = Callable[[bool], Awaitable[T | None]]
"""
Reads a stream and changes it; None where somebody else was quicker. It is told whether to count
as a reader: who does may read this process's mirror, and that is not asked twice.
"""
_NOTHING = 2**60
"""A position after everything: only the facts are wanted."""
_MOST_TRIES = 100
MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Log:
    """One stream as it was at a moment, with what follows some position."""

    name: str
    facts: Facts
    writer: str
    end: int
    """The position after its last message."""
    frames: tuple[bytes, ...] = ()
    lost: int = 0

    @property
    def tail(self) -> Offset:
        """The offset after its last message."""
        return self.facts.offset(self.end)


def missing() -> RefusedError:
    """Return the refusal of a stream that is not there."""
    return RefusedError(404, "no such stream; create it by PUT")


def gone() -> RefusedError:
    """Return the refusal of a stream that is kept for its forks alone."""
    return RefusedError(410, "the stream was deleted; its forks live on")


class Logs:
    """All durable streams of one store."""

    def __init__(self, store: StreamStore) -> None:
        self.store = store
        # Who is refused reads again: in one process it is quicker to take turns.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def find(self, name: str, after: int = _NOTHING, *, touch: bool = True) -> Log | None:
        """Return a stream with what follows a position, or None where there is none."""
        found = await self.store.read(name, after, touch=touch)
        facts = unpack(found.note) if found is not None else None
        if found is None or facts is None:
            return None
        log = Log(name, facts, found.writer, found.last + 1, found.frames, found.lost)
        if facts.is_expired() and not facts.deleted:
            await self.remove(log)
            return await self.find(name, after, touch=False) if facts.forks else None
        return log

    async def get(self, name: str, after: int = _NOTHING, *, touch: bool = True) -> Log:
        """Return a stream; refuse where there is none, or only its forks are left."""
        log = await self.find(name, after, touch=touch)
        if log is None:
            raise missing()
        if log.facts.deleted:
            raise gone()
        return log

    async def create(self, name: str, facts: Facts, after: int, frames: list[bytes]) -> bool:
        """Add a stream and what it begins with; tell whether it is new."""
        stream = Stream(name, new_name(), keep_seconds=facts.ttl)
        writer = unleased_writer()
        hidden = Facts(facts.content_type, facts.epoch, deleted=True)
        try:
            # Until it is whole nobody sees it.
            await self.store.create(
                stream, writer=writer, after=after, note=pack(hidden if frames else facts)
            )
        except StreamExistsError:
            return False
        try:
            await self._fill(name, writer, facts, after, frames)
        except BaseException:
            # Half of it would stand in the way of the next try.
            with suppress(StoreDownError):
                await self.store.delete(name)
            raise
        return True

    async def _fill(
        self, name: str, writer: str, facts: Facts, after: int, frames: list[bytes]
    ) -> None:
        for start in range(0, len(frames), MOST_AT_ONCE):
            part = tuple(frames[start : start + MOST_AT_ONCE])
            is_last = start + MOST_AT_ONCE >= len(frames)
            note = pack(facts) if is_last else None
            await self.store.write(name, Write(writer, after + start, part, note=note))

    async def append(self, log: Log, frames: list[bytes], facts: Facts | None) -> int | None:
        """
        Write messages, and facts if they changed; return the position after them.

        None where somebody else changed the facts meanwhile.
        """
        writer = log.writer
        fresh = None if facts is None else unleased_writer()
        note = None if facts is None else pack(facts)
        write = Write(writer, None, tuple(frames), note=note, next_writer=fresh)
        try:
            return (await self.store.write(log.name, write)).last + 1
        except FencedError:
            return None
        except GoneError:
            raise missing() from None

    async def change(self, name: str, attempt: Attempt[T]) -> T:
        """Try until nobody else has changed the stream between reading and writing."""
        turn = self._turns.get(name)
        if turn is None:
            turn = self._turns[name] = asyncio.Lock()
        async with turn:
            return await _tried(attempt)

    async def remove(self, log: Log) -> None:
        """Delete a stream; one with forks is kept for them, and goes with the last."""
        if log.facts.forks:
            await self._marked(log.name)
            return
        await self.store.delete(log.name)
        if log.facts.forked_from is not None:
            await self.forget_fork(log.facts.forked_from, log.name)

    async def _marked(self, name: str) -> None:
        async def attempt(_: bool) -> bool | None:
            found = await self.store.read(name, _NOTHING, touch=False)
            facts = unpack(found.note) if found is not None else None
            if found is None or facts is None or facts.deleted:
                return True
            facts.deleted = True
            log = Log(name, facts, found.writer, found.last + 1)
            return True if await self.append(log, [], facts) is not None else None

        # Without a turn: whoever finds it expired may have one.
        await _tried(attempt)

    async def add_fork(self, source: str, fork: str) -> bool:
        """Note at a stream that it was forked; tell whether it is still there."""

        async def attempt(_: bool) -> bool | None:
            log = await self.find(source, touch=False)
            if log is None or log.facts.deleted:
                return False
            if fork in log.facts.forks:
                return True
            log.facts.forks = [*log.facts.forks, fork]
            return True if await self.append(log, [], log.facts) is not None else None

        return await self.change(source, attempt)

    async def forget_fork(self, source: str, fork: str) -> None:
        """Note at a stream that a fork of it is gone, or did not come to be."""

        async def attempt(_: bool) -> bool | None:
            log = await self.find(source, touch=False)
            if log is None:
                return True
            log.facts.forks = [name for name in log.facts.forks if name != fork]
            if log.facts.deleted and not log.facts.forks:
                await self.remove(log)
                return True
            return True if await self.append(log, [], log.facts) is not None else None

        await self.change(source, attempt)


async def _tried(attempt: Attempt[T]) -> T:
    fresh = True
    for _ in range(_MOST_TRIES):
        done = await attempt(fresh)
        if done is not None:
            return done
        # A mirror of the stream may not have the other's change yet.
        fresh = False
    raise RefusedError(503, "too many write this stream at once; retry", LATER)
