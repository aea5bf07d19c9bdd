"""
The message path: counts the events of buffered messages, in plain integers.

The one place where cleverness is allowed, because it runs for every message. A message is only
put into the buffer (stream, body, time); a warm loop counts 64 at a time. One event per message
in the usual field orders takes the short path of a few byte searches; everything else goes
through `_scan`, which reads by the standard however the bytes were cut. Knows bytes; knows neither
how streams begin and end nor prometheus_client.
"""

from bisect import bisect_left
from collections.abc import Callable
from math import inf
from threading import RLock

from sse_observe.metrics import EVENTS, OTHER
from sse_observe.middleware.route_counts import (
    FIRST_BOUNDS,
    GAP_BOUNDS,
    SIZE_BOUNDS,
    SIZES,
    RouteCounts,
)
from sse_observe.middleware.scan import FRESH, WAITING, Held, Scan
from sse_observe.middleware.stream import Stream

_SHORTEST_GAP = GAP_BOUNDS[0]
# The size bin by the length of a message with one event, its blank line included, up to 64 KiB:
# a table costs 44 ns where a bisect costs 120.
_SIZE_BINS = bytes(bisect_left(SIZE_BOUNDS, n - 1) for n in range(65_538))
_LARGE = len(_SIZE_BINS)
_OTHER_ROW = EVENTS.index(OTHER) * SIZES

_COLON = (b":", b"")
_DONE = (b" [DONE]", b"[DONE]")
_BOM = b"\xef\xbb\xbf"
# What a field name and a value of interest (an event name, an id) can need.
_KEPT_OF_A_LINE = 256
# Names that an application writes are few; a hostile one must not fill the memory.
_MOST_HEADS = 256
_KEPT_COMMENT = 24
# A block that is cut in two is read in one piece if its beginning is no longer than this.
_KEPT_OF_A_BLOCK = 4096


class MessageBuffer:
    """
    Messages of all streams of one tracker that were sent and are not counted yet.

    Only the holder of `lock` takes messages out, from any thread; adding one needs no lock.
    `on_error` is called when counting failed; it must not raise.
    """

    __slots__ = ("lock", "on_error", "pending")

    def __init__(self, on_error: Callable[[str], None]) -> None:
        self.pending: list[tuple[Stream, bytes, float]] = []
        self.lock = RLock()
        self.on_error = on_error

    def count_pending(self) -> None:
        """Count all messages of the buffer; never raises."""
        if self.pending:
            with self.lock:
                # Each statement is atomic, and all that can happen between them is an append.
                taken = self.pending[:]
                del self.pending[: len(taken)]
                self._count(taken)

    def _count(self, taken: list[tuple[Stream, bytes, float]]) -> None:  # noqa: C901
        shortest, size_bins = _SHORTEST_GAP, _SIZE_BINS
        head: bytes | None
        for stream, body, now in taken:
            try:
                gap = now - stream.written_at
                stream.written_at = now
                if gap >= shortest:
                    # The lowest bin is what remains of all messages at the flush.
                    if gap == inf:
                        self._first(stream, stream.counts, body, now)
                        continue
                    stream.counts.gaps.bins[bisect_left(GAP_BOUNDS, gap)] += 1
                if stream.scan is None and 13 not in body:
                    head, _, rest = body.partition(b"data:")
                    rest, _, end = rest.partition(b"\n")
                    # One data line, then the blank line, then nothing.
                    if end == b"\n" and rest not in _DONE:
                        if b"id:" <= head < b"id;":
                            line, end, head = head.partition(b"\n")
                            if end:
                                stream.id = line
                            else:
                                head = None
                        size = len(body)
                        heads, cells = stream.short
                        try:
                            cells[heads[head] + size_bins[size]] += 1
                        except (KeyError, IndexError):
                            pass
                        else:
                            stream.fast_bytes += size
                            stream.events += 1
                            stream.payload_at = now
                            continue
                self._slow(stream, stream.counts, body, now)
            except Exception:  # noqa: BLE001 - one bad message must not lose the others
                self.on_error("event_counter")

    def _first(self, stream: Stream, counts: RouteCounts, body: bytes, now: float) -> None:
        """Count the first message of a stream, often its first payload event."""
        counts.firsts += 1
        stream.gap_from = now
        size = len(body)
        if stream.scan is FRESH and stream.cursor is None and 13 not in body and size < _LARGE:
            head, cursor = _plain_head(body)
            row = counts.heads.get(head)
            if row is not None:
                counts.fast[row + _SIZE_BINS[size]] += 1
                stream.fast_bytes = size
                stream.events = 1
                stream.payload_at = now
                stream.id = cursor
                stream.scan = None
                _first_payload(stream, counts, now)
                return
        self._slow(stream, counts, body, now)

    def _slow(self, stream: Stream, counts: RouteCounts, body: bytes, now: float) -> None:
        """
        Count what the short path passed on.

        More shapes are common enough to be short: CRLF line ends, several data lines, an id
        after the data, comments, and an event that was cut in two.
        """
        size = len(body)
        counts.slow_messages += 1
        counts.slow_volume += size
        stream.bytes += size
        scan = stream.scan
        if scan.__class__ is Held:
            body = scan.beginning + body
            size = len(body)
            # A stall that began meanwhile is to be seen to end.
            stream.scan = scan = Scan() if stream.stalled else scan.before
        if stream.cursor is not None or not (scan is None or scan is FRESH or scan is WAITING):
            self._scan(stream, counts, body, now)
            return
        if size < _KEPT_COMMENT and body in counts.pings:
            counts.comments += counts.pings[body]
            stream.scan = scan and WAITING
            return
        head, cursor = _plain_head(body)
        row = counts.heads.get(head)
        if row is not None:
            _count_plain(stream, counts, row, size - (2 if body[-2] == 13 else 1), now)
            stream.id = cursor or stream.id
            if scan is not None:
                stream.scan = None
                _first_payload(stream, counts, now)
            return
        self._learn(stream, counts, body, now, head)

    def _learn(
        self, stream: Stream, counts: RouteCounts, body: bytes, now: float, head: bytes | None
    ) -> None:
        """Read a message that began between two events, and remember it if it was plain."""
        events, comments = stream.events, counts.comments
        if stream.scan is not FRESH and 13 not in body:
            self._blocks(stream, counts, body, now)
        else:
            row = self._scan(stream, counts, body, now)
            if row is not None and stream.events == events + 1 and counts.comments == comments:
                _remember(counts, head, row)
        between = stream.scan is None or stream.scan is WAITING
        quiet = between and stream.events == events and _is_comment(body)
        if quiet and len(counts.pings) < _MOST_HEADS:
            counts.pings[body] = counts.comments - comments

    def _blocks(self, stream: Stream, counts: RouteCounts, body: bytes, now: float) -> None:
        """Read what is whole of blocks with LF line ends, and keep the beginning of the next."""
        whole, found, beginning = body.rpartition(b"\n\n")
        for some in whole.split(b"\n\n") if found else ():
            block = some.strip(b"\n")
            if block:
                self._block(stream, counts, block, now)
        if stream.terminal or stream.stalled:
            stream.scan = Scan()
        else:
            stream.scan = None if stream.has_payload else WAITING
        if beginning:
            scan = stream.scan
            if len(beginning) <= _KEPT_OF_A_BLOCK and (scan is None or scan is WAITING):
                stream.scan = Held(scan, beginning)
            else:
                self._scan(stream, counts, beginning, now)

    def _block(  # noqa: C901 - one branch per field
        self, stream: Stream, counts: RouteCounts, block: bytes, now: float
    ) -> None:
        """Read one block with LF line ends, in half the time of `_scan`."""
        head, plain_id = _plain_head(block + b"\n\n")
        row = counts.heads.get(head)
        size = len(block) + 1
        if row is not None:
            _count_plain(stream, counts, row, size, now)
            stream.id = plain_id or stream.id
            stream.terminal = False
            if not stream.has_payload:
                _first_payload(stream, counts, now)
            return
        name, cursor, data = b"", None, 0
        done = comment = False
        for line in block.split(b"\n"):
            start = line[:5]
            if start == b"data:":
                done = not data and line[5:] in _DONE
                data += 1
            elif start == b"event" and line[5:6] in _COLON:
                name = line[6:].removeprefix(b" ")
            elif start[:1] == b":":
                comment = True
            elif start[:2] == b"id" and line[2:3] in _COLON:
                if 0 not in line and len(line) <= _KEPT_OF_A_LINE:
                    cursor = line[3:].removeprefix(b" ")
            elif line == b"data":
                done = False
                data += 1
        row = self._dispatch(stream, counts, now, size, name, cursor, data, done, comment)
        if row is not None:
            _remember(counts, head, row)

    def _scan(self, stream: Stream, counts: RouteCounts, body: bytes, now: float) -> int | None:
        """Read any bytes by the standard; return the row of the last payload event in them."""
        scan = stream.scan
        if not isinstance(scan, Scan) or scan is FRESH or scan is WAITING:
            scan = stream.scan = Scan(fresh=scan is FRESH)
        if scan.bom is not None:
            body = scan.bom + body
            if len(body) < len(_BOM) and _BOM.startswith(body):
                scan.bom = body
                return None
            scan.bom = None
            body = body.removeprefix(_BOM)
        if scan.after_cr and body[:1] == b"\n":
            # The second half of a CRLF that was cut in two; it belongs to the line before.
            body = body[1:]
            scan.size += 1 if scan.size else 0
        scan.after_cr = body[-1:] == b"\r"
        row = None
        for line in body.splitlines(keepends=True):
            if line[-1] not in b"\r\n":
                scan.rest = (scan.rest + line[:_KEPT_OF_A_LINE])[:_KEPT_OF_A_LINE]
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
                _read_field(scan, content)
            else:
                row = self._dispatch(
                    *(stream, counts, now, scan.size, scan.name),
                    *(scan.id, scan.data, scan.done, scan.comment),
                )
                scan.clear()
        if scan.is_between_events() and not (
            stream.terminal or stream.stalled or stream.cursor is not None
        ):
            stream.scan = None if stream.has_payload else WAITING
        return row

    def _dispatch(  # noqa: PLR0917 - nine facts of one block; an object would cost a third more
        self,
        stream: Stream,
        counts: RouteCounts,
        now: float,
        size: int,
        name: bytes,
        cursor: bytes | None,
        data: int,
        done: bool,
        comment: bool,
    ) -> int | None:
        """Count one whole block; return its row where it is a payload event."""
        if cursor is not None:
            stream.id = b"id: " + cursor
        if not data:
            counts.comments += comment
            return None
        if name == b"message":
            name = b""
        is_terminal = name in counts.terminals
        if done and not name and b"[DONE]" in counts.terminals:
            is_terminal, name = True, b"done"
        row = counts.rows.get(name, _OTHER_ROW)
        counts.slow[row + bisect_left(SIZE_BOUNDS, size)] += 1
        counts.sizes.total += size
        stream.events += 1
        if is_terminal:
            stream.terminal = True
            return None
        if name in counts.quiet:
            return None
        if not stream.has_payload:
            _first_payload(stream, counts, now)
        if stream.stalled:
            stream.end_stall(now)
        stream.terminal = False
        stream.payload_at = now
        if stream.cursor is not None and cursor is not None:
            stream.cursor = stream.cursor.saw(stream, cursor)
        return row


def _count_plain(stream: Stream, counts: RouteCounts, row: int, size: int, now: float) -> None:
    counts.slow[row + bisect_left(SIZE_BOUNDS, size)] += 1
    counts.sizes.total += size
    stream.events += 1
    stream.payload_at = now


def _first_payload(stream: Stream, counts: RouteCounts, now: float) -> None:
    stream.has_payload = True
    waited = now - stream.asked_at
    # Who resumes has seen events: a quiet feed that comes back keeps nobody waiting.
    if not stream.resumed:
        first_events = counts.first_events
        first_events.bins[bisect_left(FIRST_BOUNDS, waited)] += 1
        first_events.total += waited
        if counts.exemplars is not None:
            counts.exemplars.began(stream, waited)


def _read_field(scan: Scan, line: bytes) -> None:
    name, _, value = line.partition(b":")
    if name == b"data":
        scan.done = not scan.data and value.removeprefix(b" ") == b"[DONE]"
        scan.data += 1
    elif not name:
        scan.comment = True
    elif name == b"event":
        scan.name = value.removeprefix(b" ")
    elif name == b"id" and 0 not in value and len(line) <= _KEPT_OF_A_LINE:
        scan.id = value.removeprefix(b" ")


def _plain_head(body: bytes) -> tuple[bytes | None, bytes]:
    """
    Return what stands before one event's data lines, without its id line, and that line.

    None for what is more or less than one event, or does not begin with a field.
    """
    if body[0] == 58:
        return None, b""
    if 13 in body:
        body = body.replace(b"\r\n", b"\n")
    head, _, rest = body.partition(b"data:")
    rest, _, end = rest.partition(b"\n")
    if rest in _DONE or 13 in body:
        return None, b""
    if end != b"\n":
        while end[:5] == b"data:":
            _, _, end = end.partition(b"\n")
        if end != b"\n":
            # Some write the id last.
            line, _, end = end.partition(b"\n")
            return (head, line) if end == b"\n" and line[:3] == b"id:" else (None, b"")
    if b"id:" <= head < b"id;":
        line, end, head = head.partition(b"\n")
        return (head, line) if end else (None, b"")
    return head, b""


def _remember(counts: RouteCounts, head: bytes | None, row: int) -> None:
    """Let the short paths recognise what was read in full, if it is plain."""
    if head is not None and _is_plain(head) and len(counts.heads) < _MOST_HEADS:
        counts.heads[head] = row


def _is_plain(head: bytes) -> bool:
    """Tell whether this is whole lines of one block that say nothing about ids."""
    lines = b"\n" + head
    return (
        head[-1:] in (b"", b"\n")
        and head[:1] != _BOM[:1]
        and b"\n\n" not in lines
        and b"\nid" not in lines
    )


def _is_comment(body: bytes) -> bool:
    """Tell whether these whole blocks, known to hold no event, are short and move no cursor."""
    return len(body) < _KEPT_COMMENT and body[0] == 58 and b"\nid" not in body.replace(b"\r", b"\n")
