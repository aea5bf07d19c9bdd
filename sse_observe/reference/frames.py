"""
Frames: what applications yield, cut into events that can each be sent again.

Knows where an event of the wire format begins and ends, and how it gets an id; changes no byte
of it otherwise. Knows neither stores nor connections.
"""

import re
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import aclosing

from sse_observe.errors import SSEObserveError
from sse_observe.reference.closing import closable
from sse_observe.wire import MOST_EVENT_BYTES, encode

Chunk = object
"""Text or bytes, or whatever `encode()`s itself into bytes, as the events of libraries do."""

# Of what has no end yet: the same bound as of all that a producer may have waiting.
_LARGEST = 1_048_576
# Atomic, or the two halves of one CRLF would pass for an empty line.
_END = re.compile(rb"(?>\r\n|\n|\r){2}")
_OWN_ID = re.compile(rb"(?:\A|[\r\n])id[:\r\n]")
_LAST_LINE_END = re.compile(rb"(?>\r\n|\n|\r)\Z")


class FrameError(SSEObserveError):
    """A producer yielded what cannot be sent as an event stream."""


class Splitter:
    """Cuts bytes into whole events, however they arrive; joined they are what came."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the events that this chunk completes, each with its empty line."""
        data = self._rest + chunk
        # Where a CR stands last, a LF may follow that belongs to it.
        sure = len(data) - 1 if data.endswith(b"\r") else len(data)
        frames, start = [], 0
        # What was looked through before cannot hold an end, but for its last three bytes.
        for found in _END.finditer(data, max(len(self._rest) - 3, 0), sure):
            frames.append(_readable(data[start : found.end()]))
            start = found.end()
        self._rest = data[start:]
        if len(self._rest) > _LARGEST:
            raise FrameError(
                f"no event ended within {_LARGEST} bytes; yield events that end in an empty line"
            )
        return frames

    def rest(self) -> bytes:
        """Return what no empty line has ended, and begin anew."""
        rest, self._rest = self._rest, b""
        return rest


def _readable(frame: bytes) -> bytes:
    # A store keeps the newest event whatever its size: each stream would hold it.
    if len(frame) > MOST_EVENT_BYTES:
        raise FrameError(
            f"an event of {len(frame)} bytes was yielded, and clients read "
            f"{MOST_EVENT_BYTES >> 20} MB; yield it in parts, or the address where it lies"
        )
    return frame


def numbered(frame: bytes, event_id: str) -> bytes:
    """Return an event under our id; it has the last word where the event has an id of its own."""
    line = f"id: {event_id}\n".encode()
    # Most have none, and two letters are found sooner than a pattern.
    if b"id" not in frame or _OWN_ID.search(frame) is None:
        return line + frame
    end = _LAST_LINE_END.search(frame)
    return frame if end is None else frame[: end.start()] + line + end[0]


def as_bytes(chunk: Chunk) -> bytes:
    """Return the bytes of what an application yielded; raise FrameError for anything else."""
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, bytearray | memoryview):
        return bytes(chunk)
    encoded = getattr(chunk, "encode", None)
    if callable(encoded):
        found = encoded()
        if isinstance(found, bytes):
            return found
    raise FrameError(
        f"{type(chunk).__name__} was yielded; yield text or bytes in the format of event streams"
    )


async def raw_frames(chunks: AsyncIterable[Chunk]) -> AsyncIterator[bytes]:
    """Yield the events of a body that is in the wire format already."""
    splitter = Splitter()
    async with aclosing(closable(chunks)) as source:
        async for chunk in source:
            for frame in splitter.feed(as_bytes(chunk)):
                yield frame
    if rest := splitter.rest():
        yield rest


async def payload_frames(produce: Callable[[], AsyncIterable[str]]) -> AsyncIterator[bytes]:
    """Yield an event for each payload that the application's function yields."""
    payloads = produce()
    if not hasattr(payloads, "__aiter__"):
        raise TypeError("produce must be an async generator function")
    async with aclosing(closable(payloads)) as source:
        async for payload in source:
            yield _readable(encode(payload))
