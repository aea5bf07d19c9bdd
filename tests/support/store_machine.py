"""
A store against a model: random writers, readers, cuts, trims, takeovers, failovers, deletions.

The model is a dictionary: which bytes stand under which number of which epoch. Whatever a reader
gets must be in it, and whatever it does not get must be counted.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from sse_observe.reference.store import (
    BEFORE_ALL,
    Backlog,
    BehindError,
    FencedError,
    GoneError,
    State,
    Stream,
    StreamStore,
    Write,
)

MOST_EVENTS = 6
Kept = Any


@dataclass
class Reader:
    """A reader that watches: the position it is at, and the epoch that the position is of."""

    watching: AbstractAsyncContextManager[None]
    epoch: str
    position: int = BEFORE_ALL
    woken: int = 0


@dataclass
class Model:
    """All that is known of the stream."""

    stream: Stream
    writer: str
    frames: dict[tuple[str, int], bytes] = field(default_factory=dict)
    last: int = BEFORE_ALL
    """The number of the last event that the writer knows to be written."""
    first: int = 0
    """The number of the oldest event that must be held."""
    state: State = "open"
    is_there: bool = True
    fell_back_to: int | None = None
    """Where the store stands, after a failover that the writer has not noticed."""
    former: set[str] = field(default_factory=set)


class StoreMachine(RuleBasedStateMachine):
    """One stream of one store, and everybody who may touch it."""

    make_store: ClassVar[Callable[[], StreamStore]]
    can_fail_over = False

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = type(self).make_store()
        self.readers: list[Reader] = []
        self.count = 0

    def do(self, what: Any) -> Any:
        """Run one step of the store's."""
        return self.loop.run_until_complete(asyncio.wait_for(what, 20))

    @initialize()
    def create(self) -> None:
        """Begin with one stream."""
        stream = Stream(secrets.token_hex(4), secrets.token_hex(4))
        self.model = Model(stream, self.store.new_writer())
        self.do(self.store.create(stream, writer=self.model.writer))

    def new_frames(self, count: int) -> tuple[bytes, ...]:
        """Return bytes that were never written before."""
        self.count += count
        return tuple(b"%d;" % n for n in range(self.count - count, self.count))

    def wrote(self, after: int, frames: tuple[bytes, ...]) -> None:
        """Note what was written."""
        model = self.model
        for number, frame in enumerate(frames, after + 1):
            model.frames[model.stream.epoch, number] = frame
        model.last = after + len(frames)
        model.first = max(model.first, model.last - MOST_EVENTS + 1)

    @property
    def is_open(self) -> bool:
        """Whether its writer may write."""
        return self.model.is_there and self.model.state == "open"

    def write(self, write: Write) -> None:
        """Write, and mend what a failover has lost, as a producer does."""
        model = self.model
        if model.fell_back_to is None:
            assert self.do(self.store.write(model.stream.id, write)).last == model.last + len(
                write.frames
            )
            return
        with pytest.raises(BehindError) as behind:
            self.do(self.store.write(model.stream.id, write))
        assert behind.value.last == model.fell_back_to
        # It remembers the last few, and gives up what lies before.
        first = max(model.fell_back_to + 1, model.last - 2)
        epoch = model.stream.epoch
        again = tuple(model.frames[epoch, n] for n in range(first, model.last + 1))
        jump = Write(model.writer, first - 1, again, jump=True)
        assert self.do(self.store.write(model.stream.id, jump)).last == model.last
        if first > model.fell_back_to + 1:
            model.first = first
        model.fell_back_to = None
        self.write(write)

    @precondition(lambda self: self.is_open)
    @rule(count=st.integers(1, 4))
    def append(self, count: int) -> None:
        """Let the writer append."""
        frames = self.new_frames(count)
        after = self.model.last
        self.write(Write(self.model.writer, after, frames))
        self.wrote(after, frames)

    @precondition(lambda self: self.is_open and self.model.fell_back_to is None)
    @rule(count=st.integers(1, 3))
    def append_twice(self, count: int) -> None:
        """Let the answer to a write be lost, and the write be sent again."""
        frames = self.new_frames(count)
        after = self.model.last
        write = Write(self.model.writer, after, frames)
        for _ in range(2):
            assert self.do(self.store.write(self.model.stream.id, write)).last == after + count
        self.wrote(after, frames)

    @precondition(lambda self: self.model.is_there and self.model.former)
    @rule(data=st.data())
    def append_as_a_former_writer(self, data: st.DataObject) -> None:
        """Let somebody write who was thought dead: refused, and nothing is kept."""
        writer = data.draw(st.sampled_from(sorted(self.model.former)))
        with pytest.raises(FencedError):
            self.do(self.store.write(self.model.stream.id, Write(writer, self.model.last, (b"!",))))

    @precondition(lambda self: self.is_open)
    @rule()
    def take_over(self) -> None:
        """Let another host go on; after a failover under a new epoch."""
        model = self.model
        writer = self.store.new_writer()
        fell_back = model.fell_back_to
        epoch = None if fell_back is None else secrets.token_hex(4)
        write = Write(model.writer, None, next_writer=writer, next_epoch=epoch)
        self.do(self.store.write(model.stream.id, write))
        model.former.add(model.writer)
        model.writer = writer
        if fell_back is not None and epoch is not None:
            old = model.stream.epoch
            for number in range(fell_back + 1):
                if (old, number) in model.frames:
                    model.frames[epoch, number] = model.frames[old, number]
            model.stream = replace(model.stream, epoch=epoch)
            model.last, model.fell_back_to = fell_back, None
            model.first = min(model.first, fell_back + 1)

    @precondition(lambda self: self.is_open)
    @rule(state=st.sampled_from(["done", "failed", "stopped"]))
    def end(self, state: State) -> None:
        """End the stream; nobody writes it afterwards."""
        self.write(Write(self.model.writer, self.model.last, state=state))
        self.model.state = state
        self.model.former.add(self.model.writer)

    @precondition(lambda self: self.model.is_there)
    @rule()
    def delete(self) -> None:
        """Forget it: whoever comes afterwards finds nothing."""
        assert self.do(self.store.delete(self.model.stream.id))
        self.model.is_there = False
        with pytest.raises(GoneError):
            self.do(self.store.write(self.model.stream.id, Write(self.model.writer, None, (b"!",))))

    @precondition(lambda self: not self.model.is_there)
    @rule()
    def create_again(self) -> None:
        """Begin another stream under the same name: its numbers begin anew, its epoch differs."""
        for reader in self.readers:
            self.do(reader.watching.__aexit__(None, None, None))
        self.readers.clear()
        name = self.model.stream.id
        self.model = Model(Stream(name, secrets.token_hex(4)), self.store.new_writer())
        self.do(self.store.create(self.model.stream, writer=self.model.writer))

    @precondition(lambda self: self.can_fail_over and self.is_open)
    @precondition(lambda self: self.model.fell_back_to is None)
    @rule(count=st.integers(1, 4))
    def fail_over(self, count: int) -> None:
        """Let the store lose the last writes, as a replica that was behind does."""
        model = self.model
        kept = self.keep()
        before, first = model.last, model.first
        frames = self.new_frames(count)
        self.do(self.store.write(model.stream.id, Write(model.writer, before, frames)))
        self.wrote(before, frames)
        self.fall_back(kept)
        model.fell_back_to = before
        model.first = first

    def keep(self) -> Kept:
        """Return what is there now."""
        raise NotImplementedError

    def fall_back(self, kept: Kept) -> None:
        """Let that be all that is there."""
        raise NotImplementedError

    def check(self, found: Backlog, after: int) -> None:
        """Hold what a reader got against the model."""
        assert len(found.frames) <= MOST_EVENTS
        for number, frame in enumerate(found.frames, found.first):
            assert self.model.frames[found.epoch, number] == frame
        if after < found.last:
            assert found.lost == found.first - (after + 1)

    @rule(after=st.integers(-1, 30))
    def read(self, after: int) -> None:
        """Read from anywhere, without watching."""
        model = self.model
        found = self.do(self.store.read(model.stream.id, after, touch=False))
        if not model.is_there:
            assert found is None
            return
        self.check(found, after)
        assert (found.epoch, found.state) == (model.stream.epoch, model.state)
        assert found.last == (model.last if model.fell_back_to is None else model.fell_back_to)
        assert found.first <= max(model.first, after + 1, found.last + 1)

    @precondition(lambda self: len(self.readers) < 3 and self.model.is_there)
    @rule()
    def watch(self) -> None:
        """Let a reader come."""

        def wake() -> None:
            reader.woken += 1

        watching = self.store.watch(self.model.stream.id, wake)
        reader = Reader(watching, self.model.stream.epoch)
        self.do(watching.__aenter__())
        self.readers.append(reader)

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def follow(self, data: st.DataObject) -> None:
        """Let a reader look: each number once and in order, or a gap that is counted."""
        reader = data.draw(st.sampled_from(self.readers))
        found = self.do(self.store.read(self.model.stream.id, reader.position))
        if found is None:
            # A mirror may wait for the writer to bring a lost stream back; it is gone here.
            assert not self.model.is_there
            return
        if found.epoch != reader.epoch:
            reader.epoch, reader.position = found.epoch, BEFORE_ALL
            return
        self.check(found, reader.position)
        reader.position = max(reader.position, found.last)

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def cut(self, data: st.DataObject) -> None:
        """Let a reader's connection break."""
        reader = data.draw(st.sampled_from(self.readers))
        self.readers.remove(reader)
        self.do(reader.watching.__aexit__(None, None, None))

    @invariant()
    def nobody_is_ahead(self) -> None:
        """Hold that no reader has a number that was never written."""
        if hasattr(self, "model"):
            for reader in self.readers:
                if reader.epoch == self.model.stream.epoch:
                    highest = max(
                        (n for e, n in self.model.frames if e == reader.epoch), default=BEFORE_ALL
                    )
                    assert reader.position <= highest

    def teardown(self) -> None:
        """End everything."""
        for reader in self.readers:
            self.do(reader.watching.__aexit__(None, None, None))
        self.do(self.store.aclose())
        self.loop.close()
