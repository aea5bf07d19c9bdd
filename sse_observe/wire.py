"""
The wire format of event streams, without I/O: encode one event, scan bytes into events.

Follows the interpreting rules of the WHATWG HTML standard to the letter. Knows no socket, no
ASGI and no metric; what a missing id or a repeated one means is the caller's business.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from sse_observe.errors import SSEObserveError

# A CR alone ends a line too; in a character class it would split CRLF into two ends.
_LINE_END = re.compile(rb"\r\n|\r|\n")
_TEXT_LINE_END = re.compile(r"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"
# Far above the largest event that a stream should carry, far below what hurts a process.
MOST_EVENT_BYTES = 8 * 1024 * 1024


class WireError(SSEObserveError):
    """An event that could not be read back, or bytes that are no event within bounds."""


@dataclass(frozen=True, slots=True)
class Event:
    """
    One dispatched event, as `EventSource` would hand it to a listener.

    `type` is its name, `message` where it has none; `data` its text, its lines joined by line
    feeds; `last_event_id` the id to resume from after it, empty where there was none.
    """

    type: str
    data: str
    last_event_id: str


class Block(NamedTuple):
    """
    All that one blank line ends: the event, and the id that stood there.

    No event where there was no data: the id counts all the same. No id where the event has the
    one before it.
    """

    event: Event | None
    id: str | None


def encode(
    data: str | None = None,
    *,
    event: str | None = None,
    id: str | None = None,  # noqa: A002 - the field is called so
    retry: int | None = None,
    comment: str | None = None,
) -> bytes:
    """
    Return one block of the wire format, its blank line included.

    `event` is the name, which wants `data`. Without `data` nothing is dispatched: `id` alone moves
    the reader's cursor, `retry` its delay in milliseconds, `comment` only keeps the line warm.
    Raises WireError for what no reader could read.
    """
    lines: list[str] = []
    if comment is not None:
        lines += [f": {line}" if line else ":" for line in _TEXT_LINE_END.split(comment)]
    if retry is not None:
        if retry < 0:
            raise WireError(f"retry: {retry} is not a delay; give milliseconds, 0 or more")
        lines.append(f"retry: {int(retry)}")
    if id is not None:
        lines.append(f"id: {_one_line('id', id)}")
    if event:
        if data is None:
            raise WireError(f"event: {event!r} has no data and would never be dispatched")
        lines.append(f"event: {_one_line('event', event)}")
    if data is not None:
        lines += [f"data: {line}" for line in _TEXT_LINE_END.split(data)]
    if not lines:
        raise WireError("nothing to encode: give data, id, retry or comment")
    try:
        return ("\n".join(lines) + "\n\n").encode()
    except UnicodeEncodeError as error:
        raise WireError(f"data: not encodable as UTF-8 ({error.reason})") from None


def _one_line(field: str, value: str) -> str:
    if not isinstance(value, str):
        raise WireError(f"{field}: {value!r} is no text; pass str({field})")
    if any(end in value for end in "\r\n\0"):
        raise WireError(f"{field}: {value!r} holds a line end or NUL; remove it")
    return value


class Scanner:
    """
    Bytes in, events out, however the bytes were cut.

    One scanner reads one connection. `last_event_id` is the committed cursor (give the old one
    when resuming), `retry` the last delay in milliseconds that was asked for, `comments` how
    many comment lines went by. `limit` is the most bytes of one event, 8 MiB. What an unfinished
    block holds at the end is never dispatched.
    """

    def __init__(self, *, last_event_id: str = "", limit: int = MOST_EVENT_BYTES) -> None:
        self.last_event_id = last_event_id
        self.retry: int | None = None
        self.comments = 0
        self._limit = limit
        self._id = last_event_id
        self._own_id: str | None = None
        self._type = ""
        self._data: list[str] = []
        self._held = 0
        self._line: list[bytes] = []
        self._line_size = 0
        self._after_cr = False
        self._start: bytes | None = b""

    def feed(self, chunk: bytes | bytearray | memoryview) -> list[Event]:
        """
        Return the events that this `chunk` completes, in order; often none.

        Raises WireError once a single event grows over the limit; the scanner is of no use
        after that.
        """
        return [block.event for block in self.blocks(chunk) if block.event is not None]

    def blocks(self, chunk: bytes | bytearray | memoryview) -> list[Block]:
        """Return the events and ids that this `chunk` completes; as `feed()`."""
        fresh = self._without_bom(bytes(chunk))
        if not fresh:
            return []
        if self._after_cr and fresh[0] == 10:
            fresh = fresh[1:]
        self._after_cr = fresh.endswith(b"\r")
        *ended, rest = _LINE_END.split(fresh)
        blocks: list[Block] = []
        for piece in ended:
            line = piece
            if self._line:
                line = b"".join((*self._line, piece))
                self._line.clear()
                self._line_size = 0
            if line:
                self._field(line)
            else:
                own_id = self._own_id
                event = self._dispatch()
                if event is not None or own_id is not None:
                    blocks.append(Block(event, own_id))
        if rest:
            self._line.append(rest)
            self._line_size += len(rest)
            self._bound()
        return blocks

    def _without_bom(self, chunk: bytes) -> bytes:
        if self._start is None:
            return chunk
        start = self._start + chunk
        if len(start) < len(_BOM) and _BOM.startswith(start):
            self._start = start
            return b""
        self._start = None
        return start.removeprefix(_BOM)

    def _bound(self) -> None:
        if self._held + self._line_size > self._limit:
            raise WireError(f"an event is larger than {self._limit} bytes; the stream is not sane")

    def _field(self, line: bytes) -> None:
        name, _, raw = line.partition(b":")
        if not name:
            # An empty name: the line began with a colon.
            self.comments += 1
            return
        # Whatever the field, and one more for its line end: endless empty lines, or ids, must find
        # the limit too.
        self._held += len(line) + 1
        self._bound()
        value = raw.removeprefix(b" ").decode(errors="replace")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._type = value
        elif name == b"id":
            if "\0" not in value:
                self._id = self._own_id = value
        elif name == b"retry" and value.isascii() and value.isdigit():
            # A delay of more digits than a signed 64-bit number is a joke, not a delay.
            self.retry = int(value[:18])

    def _dispatch(self) -> Event | None:
        self.last_event_id = self._id
        self._own_id = None
        kind, self._type = self._type, ""
        self._held = 0
        if not self._data:
            return None
        data = "\n".join(self._data)
        self._data.clear()
        return Event(kind or "message", data, self._id)
