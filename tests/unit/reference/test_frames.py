"""Frames: events cut out of bytes, and put under an id, without changing anything else."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.reference.frames import (
    FrameError,
    Splitter,
    as_bytes,
    numbered,
    raw_frames,
)
from sse_observe.wire import MOST_EVENT_BYTES, Scanner

lines = st.sampled_from(
    [
        b"data: x",
        b"data:",
        b"event: e",
        b": comment",
        b"id: own",
        b"id",
        b"retry: 5",
        b"data: \xc3\xa9",
    ]
)
ends = st.sampled_from([b"\n", b"\r\n", b"\r"])


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Return a body of whole events, each with one kind of line end."""
    body = b""
    for _ in range(draw(st.integers(0, 6))):
        end = draw(ends)
        for line in draw(st.lists(lines, min_size=1, max_size=4)):
            body += line + end
        body += end
    return body


@st.composite
def chunks(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    body = draw(bodies())
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=8)))
    places = [0, *cuts, len(body)]
    return body, [body[a:b] for a, b in itertools.pairwise(places)]


@given(chunks())
def test_frames_joined_are_what_came_however_it_was_cut(given: tuple[bytes, list[bytes]]) -> None:
    """Not a byte is added, dropped or moved."""
    body, parts = given
    splitter = Splitter()
    frames = [frame for part in parts for frame in splitter.feed(part)]
    assert b"".join(frames) + splitter.rest() == body


@given(chunks())
def test_each_frame_is_one_event_however_it_was_cut(given: tuple[bytes, list[bytes]]) -> None:
    """Read one by one, frames give the events that the whole body gives, none torn or merged."""
    body, parts = given
    splitter = Splitter()
    frames = [frame for part in parts for frame in splitter.feed(part)]
    frames.append(splitter.rest())
    whole = [(e.type, e.data) for e in Scanner().feed(body + b"\n")]
    single = [(e.type, e.data) for frame in frames for e in Scanner().feed(frame + b"\n")]
    assert single == whole
    assert all(len(Scanner().feed(frame + b"\n")) <= 1 for frame in frames)


@given(bodies())
def test_a_numbered_event_is_the_same_event_under_our_id(body: bytes) -> None:
    """Type and data stay; the id is ours, whatever id the event had."""
    splitter = Splitter()
    for n, frame in enumerate([*splitter.feed(body), splitter.rest()]):
        if not frame:
            continue
        before = Scanner().feed(frame + b"\n")
        after = Scanner()
        found = after.feed(numbered(frame, f"{n}-epoch") + b"\n")
        assert [(e.type, e.data) for e in found] == [(e.type, e.data) for e in before]
        assert after.last_event_id == f"{n}-epoch"


def test_an_event_that_never_ends_is_refused() -> None:
    """A body that is no event stream does not fill the memory."""
    splitter = Splitter()

    def feed_for_ever() -> None:
        for _ in range(200):
            splitter.feed(b"x" * 10_000)

    with pytest.raises(FrameError, match="end in an empty line"):
        feed_for_ever()


def test_a_whole_event_that_no_client_reads_is_refused() -> None:
    """It comes in one piece, so that nothing is waited for."""
    most = b"data: " + b"x" * (MOST_EVENT_BYTES - 8) + b"\n\n"
    assert Splitter().feed(most) == [most]

    with pytest.raises(FrameError, match=f"{len(most) + 1} bytes was yielded"):
        Splitter().feed(b"x" + most)


class OwnEvent:
    """An event of a library that encodes itself."""

    def encode(self) -> bytes:
        return b"data: own\r\n\r\n"


def test_text_bytes_and_events_of_libraries_are_taken() -> None:
    """Whatever frameworks let a generator yield is sent; anything else is named."""
    assert as_bytes("é") == b"\xc3\xa9"
    assert as_bytes(bytearray(b"a")) == as_bytes(memoryview(b"a")) == b"a"
    assert as_bytes(OwnEvent()) == b"data: own\r\n\r\n"
    with pytest.raises(FrameError, match="dict was yielded"):
        as_bytes({"data": 1})


def test_a_source_is_closed_when_its_reader_stops() -> None:
    """A generator that holds a connection to a model lets it go."""
    closed = []

    async def source() -> AsyncIterator[str]:
        try:
            while True:
                yield "data: x\n\n"
        finally:
            closed.append(True)

    async def main() -> None:
        frames = raw_frames(source())
        assert await anext(frames) == b"data: x\n\n"
        await frames.aclose()  # type: ignore[attr-defined]

    asyncio.run(main())
    assert closed == [True]
