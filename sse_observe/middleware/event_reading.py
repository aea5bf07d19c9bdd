"""
One event that is read in full: what it means, what that changes, and whether the next like it
need reading.

Knows one whole event; how bytes are cut into events is the message path's business.
"""

from bisect import bisect_left

from sse_observe.metrics import EVENTS, OTHER
from sse_observe.middleware.content import count_content, take_statement
from sse_observe.middleware.message_counts import (
    LARGE,
    MOST_HEADS,
    SIZE_BINS,
    SIZE_BOUNDS,
    SIZES,
    MessageCounts,
)
from sse_observe.middleware.reader import Reader
from sse_observe.middleware.scan import KEPT_OF_A_LINE, is_plain, plain_head
from sse_observe.middleware.stream import Stream
from sse_observe.protocols import UNRECOGNISED
from sse_observe.protocols.meanings import QUIET
from sse_observe.protocols.model import CONTENT, CONTENT_IF_FIRST, FAILURE, STOP, TERMINAL
from sse_observe.protocols.recognition import recognise_event

_OTHER_ROW = EVENTS.index(OTHER) * SIZES
_DONE_ROW = EVENTS.index("done") * SIZES
_STATEMENT = TERMINAL | FAILURE | STOP


def read_event(stream: Stream, name: bytes, data: bytes, size: int, now: float) -> int:
    """Count one event, and take what it says; return its meaning."""
    counts = stream.counts
    reader = stream.reader or _recognise(stream, counts, name, data)
    meaning = reader.meaning(name, data)
    row = _DONE_ROW if meaning == TERMINAL else counts.rows.get(name, _OTHER_ROW)
    _count_plain(counts, row, size)
    stream.events += 1
    if counts.names is not None:
        counts.names.saw(name, data)
    if meaning & CONTENT or (meaning & CONTENT_IF_FIRST and not stream.has_content):
        count_content(stream, counts, now)
    elif not meaning and name not in QUIET:
        stream.prelude(now)
    if meaning & _STATEMENT:
        take_statement(stream, meaning, data, now)
        stream.flows = False
    return meaning


def _recognise(stream: Stream, counts: MessageCounts, name: bytes, data: bytes) -> Reader:
    """Return what reads this event; the stream keeps it if the event shows its protocol."""
    protocol = UNRECOGNISED if name in counts.plain.names else recognise_event(name, data)
    reader = counts.reader_of(protocol)
    if protocol is not UNRECOGNISED:
        stream.reader, stream.short = reader, reader.short
    return reader


def is_known(stream: Stream, reader: Reader, message: bytes, now: float) -> bool:
    """Count a message if its reader knows by its head that it is content; tell whether it is."""
    if reader.protocol.read is not None and not (stream.has_content and stream.states_nothing()):
        # Its piece may be empty, and that matters until the first and after a statement.
        return False
    head, cursor = plain_head(message)
    row = reader.heads.get(head)
    if row is None:
        return False
    counts = stream.counts
    _count_plain(counts, row, len(message) - (2 if message[-2] == 13 else 1))
    stream.id = cursor or stream.id
    stream.events += 1
    # What comes this way in the midst of content is not like the one before.
    stream.short = reader.short if stream.scan is None else reader.short_of(head, message)
    count_content(stream, counts, now)
    return True


def remember_message(stream: Stream, message: bytes, name: bytes) -> None:
    """Let the short path recognise a message that was read in full, if it is plain."""
    head, _ = plain_head(message)
    if head is not None:
        line, _, _ = message[message.find(b"data:") + 5 :].partition(b"\n")
        cut = b"data: " if line[:1] == b" " else b"data:"
        remember(stream, name, head, cut, line.removeprefix(b" "))
        reader = stream.reader
        if reader is not None and reader.knows_by_head and head in reader.heads:
            stream.short = reader.short_of(head, message)


def remember(stream: Stream, name: bytes, head: bytes, cut: bytes, data: bytes) -> None:
    """Do so for an event: `head` stands before `cut`, and behind it the first line of its data."""
    reader = stream.reader
    if reader is None:
        return
    if head in reader.heads or (
        reader.may_be_short(name)
        and len(reader.heads) < MOST_HEADS
        and len(head) <= KEPT_OF_A_LINE
        and is_plain(head)
    ):
        row = stream.counts.rows.get(name, _OTHER_ROW)
        stream.short = reader.learn(cut, data, head, row) or stream.short


def _count_plain(counts: MessageCounts, row: int, size: int) -> None:
    bin_ = SIZE_BINS[size + 1] if size + 1 < LARGE else bisect_left(SIZE_BOUNDS, size)
    counts.slow[row + bin_] += 1
    counts.sizes.total += size
