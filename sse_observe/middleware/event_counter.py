"""
The message path: counts the events of buffered messages, in plain integers.

The one place where cleverness is allowed, because it runs for every message. A message is only
put into the buffer (stream, body, time); a warm loop counts 64 at a time. One event per message
in the usual field orders takes the short path of a few byte searches, once its reader has learnt
that such messages bring content. Everything else goes through `_scan`, which reads by the
standard however the bytes were cut; what an event says, `event_reading` takes. Knows bytes; knows
neither how streams begin and end nor prometheus_client: an end that waits behind its messages is
handed to the stream's owner.
"""

from bisect import bisect_left
from collections.abc import Callable
from math import inf
from threading import RLock

from sse_observe.asgi import Scope
from sse_observe.middleware.content import SHORTEST_GAP, count_first_content, count_pause
from sse_observe.middleware.event_reading import is_known, read_event, remember, remember_message
from sse_observe.middleware.message_counts import (
    GAP_BOUNDS,
    LARGE,
    MOST_HEADS,
    SIZE_BINS,
    MessageCounts,
)
from sse_observe.middleware.scan import (
    BOM,
    DONE,
    FRESH,
    KEPT_OF_A_COMMENT,
    KEPT_OF_A_LINE,
    KEPT_OF_DATA,
    UNREADABLE,
    WAITING,
    Block,
    Held,
    Scan,
    is_comment,
    plain_head,
)
from sse_observe.middleware.stream import Stream
from sse_observe.protocols.meanings import QUIET
from sse_observe.protocols.model import CONTENT, TERMINAL
from sse_observe.protocols.recognition import may_be_known

# A block that is cut in two is read in one piece if its beginning is no longer than this.
_KEPT_OF_A_BLOCK = 4096
# The last message of a stream is kept where it may say more than content; a larger one is read.
_KEPT_OF_THE_LAST = 2048
_LONGEST_DONE = max(map(len, DONE))
# CPython keeps one object for each single byte: `is` may stand for `==`, at half its cost. An
# interpreter that does not would take the longer paths, which count the same.
_NEWLINE = b"\n\n"[:1]

# As for messages: what is done for many at once costs half.
_ENDS_AT_ONCE = 32


class MessageBuffer:
    """
    Messages of all streams of one tracker that were sent and are not counted yet, and ends.

    Only the holder of `lock` takes something out, from any thread; adding needs no lock.
    `on_error` is called when counting failed; it must not raise.
    """

    __slots__ = ("_ended", "lock", "on_error", "pending")

    def __init__(self, on_error: Callable[[str], None]) -> None:
        self.pending: list[tuple[Stream, bytes, float]] = []
        self._ended: list[tuple[Stream, Scope]] = []
        self.lock = RLock()
        self.on_error = on_error

    def end(self, stream: Stream, scope: Scope) -> None:
        """Let a stream be closed with some others, once its messages are counted."""
        self._ended.append((stream, scope))
        if len(self._ended) >= _ENDS_AT_ONCE:
            self.count_pending()

    def count_pending(self) -> None:
        """Count all messages of the buffer, then all ends; never raises."""
        if self.pending or self._ended:
            with self.lock:
                # Each statement is atomic, and all that can happen between them is an append.
                # Ends first: what they follow is in the buffer already.
                ended = self._ended[:]
                del self._ended[: len(ended)]
                taken = self.pending[:]
                del self.pending[: len(taken)]
                self._count(taken)
                for stream, scope in ended:
                    try:
                        stream.owner.ended(stream, scope)
                    except Exception:  # noqa: BLE001 - one stream must not lose the others
                        self.on_error("middleware")

    def _count(self, taken: list[tuple[Stream, bytes, float]]) -> None:  # noqa: C901, PLR0912
        shortest, size_bins, newline = SHORTEST_GAP, SIZE_BINS, _NEWLINE
        head: bytes | None
        for stream, body, now in taken:
            try:
                if stream.scan is None and 13 not in body:
                    heads, cells, cut, in_data, row = stream.short
                    head, _, rest = body.partition(cut)
                    rest, _, end = rest.partition(b"\n")
                    # One data line, then the blank line, then nothing.
                    if end is newline and (len(rest) > _LONGEST_DONE or rest not in DONE):
                        size = len(body)
                        if b"id:" <= head < b"id;":
                            if row is None:
                                line, end, head = head.partition(b"\n")
                                if end:
                                    stream.id = line
                                else:
                                    head = None
                            elif 10 in head:
                                row = None
                            else:
                                stream.id = head
                        else:
                            row = None
                        if in_data:
                            # An empty piece brings nothing.
                            if rest[:1] == b'"' or size > _KEPT_OF_THE_LAST:
                                head = None
                            else:
                                stream.last = rest
                        try:
                            if row is None:
                                row = heads[head]
                            cells[row + size_bins[size]] += 1
                        except (KeyError, IndexError):
                            pass
                        else:
                            stream.fast_bytes += size
                            stream.events += 1
                            # Where no content was late, no message was.
                            if now - stream.payload_at >= shortest:
                                count_pause(stream, now)
                            stream.payload_at = stream.written_at = now
                            continue
                gap = now - stream.written_at
                stream.written_at = now
                if gap == inf:
                    self._first(stream, stream.counts, body, now)
                    continue
                if gap >= shortest:
                    stream.counts.gaps.bins[bisect_left(GAP_BOUNDS, gap)] += 1
                self._slow(stream, stream.counts, body, now)
            except Exception:  # noqa: BLE001 - one bad message must not lose the others
                self.on_error("event_counter")

    def _first(self, stream: Stream, counts: MessageCounts, body: bytes, now: float) -> None:
        """Count the first message of a stream, often its first content."""
        counts.firsts += 1
        stream.gap_from = now
        if stream.span is not None:
            stream.span.chunk_at = now
        size = len(body)
        plain = counts.plain
        if (
            plain.heads
            and (stream.reader is None or stream.reader is plain)
            and stream.scan is FRESH
            and stream.cursor is None
            and 13 not in body
            and size < LARGE
            and not stream.stalled
        ):
            head, cursor = plain_head(body)
            row = plain.heads.get(head)
            if row is not None and (stream.reader is plain or not may_be_known(body)):
                counts.fast[row + SIZE_BINS[size]] += 1
                stream.fast_bytes = size
                stream.events = 1
                stream.id = cursor
                stream.scan = None
                stream.reader = plain
                stream.short = plain.short_of(head, body)
                stream.payload_at = now
                count_first_content(stream, counts, now)
                return
        self._slow(stream, counts, body, now)

    def _slow(self, stream: Stream, counts: MessageCounts, body: bytes, now: float) -> None:
        """
        Count what the short path passed on.

        More shapes are common enough to be short: CRLF line ends, several data lines, an id
        after the data, comments, and an event that was cut in two.
        """
        size = len(body)
        counts.slow_messages += 1
        counts.slow_volume += size
        stream.bytes += size
        if stream.last is not None:
            stream.read_last()
        scan = stream.scan
        if type(scan) is Held:
            body = scan.beginning + body
            # A stall that began meanwhile is to be seen to end.
            stream.scan = scan = WAITING if stream.stalled else scan.before
        if scan is UNREADABLE:
            # Whatever is in it, it is a sign of life.
            if stream.stalled:
                stream.end_stall(now)
            stream.payload_at = now
        elif stream.cursor is not None or not (scan is None or scan is WAITING or scan is FRESH):
            self._scan(stream, counts, body, now)
        elif body[0] == 58 and len(body) < KEPT_OF_A_COMMENT:
            known = counts.pings.get(body)
            if known is None:
                self._learn_comment(stream, counts, body, now)
            else:
                counts.comments += known
                if scan is FRESH:
                    stream.scan = WAITING
        else:
            reader = stream.reader
            if reader is not None and reader.knows_by_head and is_known(stream, reader, body, now):
                stream.scan = None
            else:
                self._read(stream, counts, body, now)

    def _learn_comment(
        self, stream: Stream, counts: MessageCounts, body: bytes, now: float
    ) -> None:
        """Read what may be a comment that keeps a line warm: the next like it is not read."""
        events, comments = stream.events, counts.comments
        self._read(stream, counts, body, now)
        between = stream.scan is None or stream.scan is WAITING
        quiet = between and stream.events == events and is_comment(body)
        if quiet and len(counts.pings) < MOST_HEADS:
            counts.pings[body] = counts.comments - comments

    def _read(self, stream: Stream, counts: MessageCounts, body: bytes, now: float) -> None:
        """Read a message that began between two events, and remember it if it was plain."""
        if 13 in body or (stream.scan is FRESH and body[0] == BOM[0]):
            # Only a stream's first bytes may be a mark of their order.
            events, comments = stream.events, counts.comments
            name = self._scan(stream, counts, body, now)
            if name is not None and stream.events == events + 1 and counts.comments == comments:
                remember_message(stream, body, name)
        else:
            self._blocks(stream, counts, body, now)

    def _blocks(self, stream: Stream, counts: MessageCounts, body: bytes, now: float) -> None:
        """
        Read what is whole of blocks with LF line ends, and keep the beginning of the next.

        In half the time of `_scan`.
        """
        blocks = body.split(b"\n\n")
        beginning = blocks.pop()
        stream.flows = stream.scan is None
        for some in blocks:
            block = some.strip(b"\n")
            if not block:
                continue
            reader = stream.reader
            if (
                reader is not None
                and reader.knows_by_head
                and is_known(stream, reader, block + b"\n\n", now)
            ):
                continue
            cut = block[:6]
            if (cut == b"data: " or cut[:5] == b"data:") and 10 not in block:
                # Most say everything in one line.
                if cut != b"data: ":
                    cut = b"data:"
                data = block[len(cut) : len(cut) + KEPT_OF_DATA]
                if read_event(stream, b"", data, len(block) + 1, now) == CONTENT:
                    remember(stream, b"", b"", cut, data)
                continue
            name = self._dispatch(stream, counts, Block(block), now)
            if name is not None:
                remember_message(stream, block + b"\n\n", name)
        stream.scan = None if stream.flows else WAITING
        if beginning and (beginning := beginning.lstrip(b"\n")):
            if len(beginning) <= _KEPT_OF_A_BLOCK:
                stream.scan = Held(stream.scan, beginning)
            else:
                self._scan(stream, counts, beginning, now)

    def _scan(self, stream: Stream, counts: MessageCounts, body: bytes, now: float) -> bytes | None:
        """Read any bytes by the standard; return the name of the last event, if all content."""
        scan = stream.scan
        if not isinstance(scan, Scan) or scan is FRESH or scan is WAITING:
            scan = stream.scan = Scan(fresh=scan is FRESH)
        if scan.bom is not None:
            body = scan.bom + body
            if len(body) < len(BOM) and BOM.startswith(body):
                scan.bom = body
                return None
            scan.bom = None
            body = body.removeprefix(BOM)
        if scan.after_cr and body[:1] == b"\n":
            # The second half of a CRLF that was cut in two; it belongs to the line before.
            body = body[1:]
            scan.size += 1 if scan.size else 0
        scan.after_cr = body[-1:] == b"\r"
        name = None
        stream.flows = False
        kept = KEPT_OF_DATA if stream.reader is None or stream.reader.reads else KEPT_OF_A_LINE
        for line in body.splitlines(keepends=True):
            if line[-1] not in b"\r\n":
                scan.rest = (scan.rest + line[:kept])[:kept]
                scan.length += len(line)
                break
            content = line.rstrip(b"\r\n")
            if scan.length:
                scan.size += scan.length
                content = scan.rest + content
                scan.rest = b""
                scan.length = 0
            if content:
                scan.size += len(line)
                scan.read_line(content)
            else:
                try:
                    name = self._dispatch(stream, counts, scan, now)
                finally:
                    scan.clear()
        if scan.is_between_events() and stream.cursor is None:
            stream.scan = None if stream.flows else WAITING
        return name

    def _dispatch(
        self, stream: Stream, counts: MessageCounts, block: Block, now: float
    ) -> bytes | None:
        """Count one whole block; return its event's name if that is content and nothing else."""
        if block.id is not None:
            stream.id = b"id: " + block.id
        if not block.lines:
            counts.comments += block.comment
            return None
        name = b"" if block.name == b"message" else block.name
        meaning = read_event(stream, name, block.data, block.size, now)
        cursor = None if meaning & TERMINAL or name in QUIET else stream.cursor
        if cursor is not None and block.id is not None:
            stream.cursor = cursor.saw(stream, block.id)
        return name if meaning == CONTENT else None
