"""
The events of one body with the times at which they began and were whole, and its wire faults.

Reads as strictly as a browser does, through the package's own scanner; bounded in memory however
long the body is.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from sse_observe.asgi import Header
from sse_observe.check.reading.dialect import (
    CONTENT,
    FAILURE,
    TERMINAL,
    Dialect,
    Speech,
    is_greeting,
    is_heartbeat,
)
from sse_observe.wire import Event, Scanner, WireError

MOST_EVENT_BYTES = 1 << 20
"""A larger event is not read to its end: no browser page survives it either."""
LARGE_EVENT_BYTES = 64 << 10
LONGEST_ID = 128
"""Above it a cross-origin reconnect asks for permission first (CORS-safelisted headers)."""
RETRY_MILLISECONDS = range(500, 60_001)

_MOST_EVENTS = 20_000
_MOST_TIMES = 20_000
_KEPT_DATA = 4096
_KEPT_LINE = 256
_KEPT_START = 512
_BOM = b"\xef\xbb\xbf"
_FIELDS = {b"data", b"event", b"id", b"retry"}
_PIECE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")

Fault = Literal[
    "bom",
    "utf8",
    "unknown_field",
    "retry",
    "retry_range",
    "no_data",
    "large",
    "lone_cr",
    "nul_id",
    "long_id",
    "unfinished",
]


class Seen(NamedTuple):
    """A wire fault: how often, and the first line that has it."""

    times: int
    example: str


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """One dispatched event; `began_at` is when its first byte came, `at` when it was whole."""

    at: float
    began_at: float
    type: str
    data: str
    """Its beginning; `size` is all of it, in bytes of the wire."""
    size: int
    own_id: str | None
    """Its own id; an event without one shows the one before it."""
    meaning: int

    @property
    def is_content(self) -> bool:
        """Whether a user waited for it."""
        return bool(self.meaning & CONTENT)

    @property
    def is_failure(self) -> bool:
        """Whether it says that the stream has failed."""
        return bool(self.meaning & FAILURE)

    @property
    def is_heartbeat(self) -> bool:
        """Whether it only says that the stream lives."""
        return is_heartbeat(self.type)


@dataclass(slots=True)
class _Block:
    """The lines since the last blank one."""

    began: float | None = None
    size: int = 0
    fields: set[bytes] = field(default_factory=set)
    own_id: str | None = None


class EventLog:
    """Everything that was read of one body."""

    def __init__(self, speech: Speech | None = None) -> None:
        self.dialect = Dialect(speech or Speech())
        self.events: list[SeenEvent] = []
        self.content_count = 0
        self.dropped = 0
        """Events beyond those that are kept."""
        self.comments: list[float] = []
        self.faults: dict[Fault, Seen] = {}
        self.start = b""
        """The body's first bytes, decoded: what stands there if it is no stream."""
        self.torn_at: list[float] = []
        """Times of arrivals that ended within an event."""
        self.hello: Mapping[str, object] | None = None
        self._scanner = Scanner(limit=MOST_EVENT_BYTES)
        self._line = b""
        self._line_size = 0
        self._after_cr = False
        self._lines = 0
        self._block = _Block()

    @property
    def retry(self) -> int | None:
        """The reconnection delay that was asked for, in milliseconds."""
        return self._scanner.retry

    @property
    def last_event_id(self) -> str:
        """The id that a browser would resume with."""
        return self._scanner.last_event_id

    @property
    def content(self) -> list[SeenEvent]:
        """The events that a user waited for."""
        return [event for event in self.events if event.is_content]

    @property
    def terminal_at(self) -> float | None:
        """When the stream said that it is whole."""
        return next((event.at for event in self.events if event.meaning & TERMINAL), None)

    @property
    def heartbeat_seconds(self) -> float | None:
        """The heartbeat interval that the greeting declares."""
        value = (self.hello or {}).get("heartbeat_seconds")
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if 0 < value < 3600 else None

    def answered(self, headers: Sequence[Header]) -> None:
        """Take the response's headers."""
        self.dialect.answered(headers)

    def feed(self, at: float, chunk: bytes) -> None:
        """Take a piece of the body; WireError where an event has no end."""
        if len(self.start) < _KEPT_START:
            self.start += chunk[: _KEPT_START - len(self.start)]
        for piece in _PIECE.findall(chunk):
            self._piece(at, piece)
        if self._in_block and len(self.torn_at) < _MOST_TIMES:
            self.torn_at.append(at)

    def finish(self) -> None:
        """Take the body's own end: what is unfinished there is never dispatched."""
        if self._in_block:
            self._fault("unfinished", self._line or b"(no blank line)")

    @property
    def _in_block(self) -> bool:
        return self._block.began is not None or self._line_size > 0

    def _piece(self, at: float, piece: bytes) -> None:
        rest_of_crlf = self._after_cr and piece == b"\n"
        if self._after_cr and not rest_of_crlf:
            self._fault("lone_cr", b"a CR without LF")
        self._after_cr = piece.endswith(b"\r")
        if rest_of_crlf:
            self._scanner.feed(piece)
            return
        text = piece.rstrip(b"\r\n")
        ended = len(text) < len(piece)
        if text and self._block.began is None:
            self._block.began = at
        if len(self._line) < _KEPT_LINE:
            self._line += text[: _KEPT_LINE - len(self._line)]
        self._line_size += len(text)
        self._block.size += len(piece)
        comments = self._scanner.comments
        try:
            events = self._scanner.feed(piece)
        except WireError:
            self._fault("large", self._line)
            raise
        if self._scanner.comments > comments and len(self.comments) < _MOST_TIMES:
            self.comments.append(at)
        if not ended:
            return
        if self._line_size:
            self._end_line()
        else:
            self._end_block(at, events)
        self._line, self._line_size = b"", 0

    def _end_line(self) -> None:
        line = self._line
        self._lines += 1
        if line.startswith(_BOM):
            if self._lines > 1:
                self._fault("bom", line)
            line = line.removeprefix(_BOM)
        name, _, value = line.partition(b":")
        if not name:
            return
        if not _is_utf8(line, whole=self._line_size <= _KEPT_LINE):
            self._fault("utf8", line)
        if name not in _FIELDS:
            self._fault("unknown_field", line)
            return
        self._block.fields.add(name)
        self._field(name, value.removeprefix(b" "), line)

    def _field(self, name: bytes, value: bytes, line: bytes) -> None:
        if name == b"retry":
            if not (value.isascii() and value.isdigit()):
                self._fault("retry", line)
            elif int(value[:18]) not in RETRY_MILLISECONDS:
                self._fault("retry_range", line)
        elif name == b"id" and b"\0" in value:
            self._fault("nul_id", line)
        elif name == b"id":
            self._block.own_id = value.decode(errors="replace")
            if len(value) > LONGEST_ID:
                self._fault("long_id", line)

    def _end_block(self, at: float, events: Sequence[Event]) -> None:
        block = self._block
        if b"event" in block.fields and b"data" not in block.fields:
            self._fault("no_data", b"event without data")
        if block.size > LARGE_EVENT_BYTES:
            self._fault("large", f"{block.size:,} bytes".encode())
        for event in events:
            self._dispatched(at, event)
        self._block = _Block()

    def _dispatched(self, at: float, event: Event) -> None:
        meaning = self.dialect.meaning(event.type, event.data)
        self.content_count += bool(meaning & CONTENT)
        if is_greeting(event.type) and self.hello is None:
            self.hello = _json_object(event.data)
        if len(self.events) >= _MOST_EVENTS:
            self.dropped += 1
            return
        self.events.append(
            SeenEvent(
                at,
                at if self._block.began is None else self._block.began,
                event.type,
                event.data[:_KEPT_DATA],
                self._block.size,
                self._block.own_id,
                meaning,
            )
        )

    def _fault(self, fault: Fault, example: bytes) -> None:
        count, first = self.faults.get(fault, (0, example[:80].decode(errors="replace")))
        self.faults[fault] = Seen(count + 1, first)


def _is_utf8(line: bytes, *, whole: bool) -> bool:
    # A character may be cut where no more of a long line was kept.
    try:
        (line if whole else line[:-4]).decode()
    except UnicodeDecodeError as error:
        return not whole and error.end >= len(line) - 4
    return True


def _json_object(data: str) -> Mapping[str, object]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
