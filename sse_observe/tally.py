"""
The message path: notes what passed, counts it later in plain integers.

The one place where cleverness is allowed, because it runs for every message. A message costs
a note (stream, body, time); every 64 notes a warm loop counts them. One event per message in
the usual field orders takes the short path of a few byte searches; everything else goes through
`_scan`, which reads by the standard however the bytes were cut. Knows bytes; knows neither how
streams begin and end nor prometheus_client.
"""

from bisect import bisect_left
from collections.abc import Callable
from math import inf
from threading import RLock
from typing import Any

from sse_observe.metrics import EVENTS, OTHER
from sse_observe.stream import (
    FIRST_BOUNDS,
    FRESH,
    GAP_BOUNDS,
    SIZE_BOUNDS,
    SIZES,
    WAITING,
    RouteTally,
    Scan,
    Stream,
)

_SHORTEST_GAP = GAP_BOUNDS[0]
# The size bin by the length of a message with one event, its blank line included, up to 64 KiB:
# a table costs 44 ns where a bisect costs 120.
_SIZE_BINS = bytes(bisect_left(SIZE_BOUNDS, n - 1) for n in range(65_538))
_OTHER_ROW = EVENTS.index(OTHER) * SIZES

_DONE = (b" [DONE]", b"[DONE]")
_BOM = b"\xef\xbb\xbf"
# What a field name and a value of interest (an event name, an id) can need.
_KEPT_OF_A_LINE = 256
# Names that an application writes are few; a hostile one must not fill the memory.
_MOST_HEADS = 256
_KEPT_COMMENT = 24
_DRAIN_AT = 64


class Notes:
    """
    What passed and is not counted yet, of all streams of one ledger.

    Only the holder of `lock` takes notes out, from whatever thread; adding one needs no lock.
    `fault` is told that counting failed; it must not raise.
    """

    __slots__ = ("fault", "lock", "pending")

    def __init__(self, fault: Callable[[str], None]) -> None:
        self.pending: list[tuple[Stream, Any, float]] = []
        self.lock = RLock()
        self.fault = fault

    def drain(self) -> None:
        """Count everything that was noted; never raises."""
        if self.pending:
            with self.lock:
                # Each statement is atomic, and all that can happen between them is an append.
                taken = self.pending[:]
                del self.pending[: len(taken)]
                self._count(taken)

    def _count(self, taken: list[tuple[Stream, bytes, float]]) -> None:  # noqa: C901
        shortest, size_bins = _SHORTEST_GAP, _SIZE_BINS
        for stream, body, now in taken:
            try:
                gap = now - stream.written_at
                stream.written_at = now
                if gap >= shortest:
                    # The lowest bin is what remains of all messages at the flush.
                    if gap == inf:
                        self._first(stream, stream.tally, body, now)
                        continue
                    stream.tally.gaps[bisect_left(GAP_BOUNDS, gap)] += 1
                head: bytes | None = None
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
                    else:
                        head = None
                self._slow(stream, stream.tally, body, now, head)
            except Exception:  # noqa: BLE001 - one bad note must not lose the others
                self.fault("tally")

    def _first(self, stream: Stream, tally: RouteTally, body: bytes, now: float) -> None:
        """Count the first message of a stream, often its first payload event."""
        tally.firsts += 1
        stream.gap_from = now
        head, cursor = _plain_head(body)
        row = tally.heads.get(head)
        if row is None or stream.cursor is not None:
            self._slow(stream, tally, body, now, head)
            return
        size = len(body)
        tally.slow_messages += 1
        tally.slow_volume += size
        stream.bytes += size
        _count_plain(stream, tally, row, size - (2 if body[-2] == 13 else 1), now)
        stream.id = cursor
        stream.scan = None
        _first_payload(stream, tally, now)

    def _slow(
        self, stream: Stream, tally: RouteTally, body: bytes, now: float, head: bytes | None
    ) -> None:
        """
        Count what the short path passed on.

        `head` is what stands before the only data line of a plain event, without its id, or
        None. Three shapes are common enough to be short: CRLF line ends, the first event of a
        stream, and comments.
        """
        size = len(body)
        tally.slow_messages += 1
        tally.slow_volume += size
        stream.bytes += size
        scan = stream.scan
        whole = (scan is None or scan is FRESH or scan is WAITING) and stream.cursor is None
        if whole:
            if size < _KEPT_COMMENT and body in tally.pings:
                tally.comments += tally.pings[body]
                stream.scan = scan and WAITING
                return
            if scan is not None or 13 in body:
                head, cursor = _plain_head(body)
                row = tally.heads.get(head)
                if row is not None:
                    _count_plain(stream, tally, row, size - (2 if body[-2] == 13 else 1), now)
                    stream.id = cursor or stream.id
                    if scan is not None:
                        stream.scan = None
                        _first_payload(stream, tally, now)
                    return
        events, comments = stream.events, tally.comments
        row = self._scan(stream, tally, body, now)
        if not whole or (stream.scan is not None and stream.scan is not WAITING):
            return
        events, comments = stream.events - events, tally.comments - comments
        if head is not None and (events, comments) == (1, 0) and row is not None:
            if _is_plain(head) and len(tally.heads) < _MOST_HEADS:
                tally.heads[head] = row
        elif not events and len(tally.pings) < _MOST_HEADS and _is_comment(body):
            tally.pings[body] = comments

    def _scan(self, stream: Stream, tally: RouteTally, body: bytes, now: float) -> int | None:
        """Read any bytes by the standard; return the row of the last payload event in them."""
        scan = stream.scan
        if scan is None or scan is FRESH or scan is WAITING:
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
                row = self._dispatch(stream, tally, scan, now)
                scan.clear()
        if scan.is_between_events() and not (
            stream.terminal or stream.stalled or stream.cursor is not None
        ):
            stream.scan = None if stream.has_payload else WAITING
        return row

    def _dispatch(self, stream: Stream, tally: RouteTally, scan: Scan, now: float) -> int | None:
        """Count one whole block; return its row where it is a payload event."""
        if scan.id is not None:
            stream.id = b"id: " + scan.id
        if not scan.data:
            tally.comments += scan.comment
            return None
        name = scan.name if scan.name != b"message" else b""
        is_terminal = name in tally.terminals
        if scan.done and not name and b"[DONE]" in tally.terminals:
            is_terminal, name = True, b"done"
        row = tally.rows.get(name, _OTHER_ROW)
        tally.slow[row + bisect_left(SIZE_BOUNDS, scan.size)] += 1
        tally.sizes_sum += scan.size
        stream.events += 1
        if is_terminal:
            stream.terminal = True
            return None
        if name in tally.quiet:
            return None
        if not stream.has_payload:
            _first_payload(stream, tally, now)
        if stream.stalled:
            stream.revive(now)
        stream.terminal = False
        stream.payload_at = now
        if stream.cursor is not None and scan.id is not None:
            stream.cursor = stream.cursor.saw(stream, scan.id)
        return row


def _count_plain(stream: Stream, tally: RouteTally, row: int, size: int, now: float) -> None:
    tally.slow[row + bisect_left(SIZE_BOUNDS, size)] += 1
    tally.sizes_sum += size
    stream.events += 1
    stream.payload_at = now


def _first_payload(stream: Stream, tally: RouteTally, now: float) -> None:
    stream.has_payload = True
    waited = now - stream.asked_at
    tally.first_events[bisect_left(FIRST_BOUNDS, waited)] += 1
    tally.first_events_sum += waited


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
    """Return what stands before the only data line, without its id line, and that line."""
    if 13 in body:
        body = body.replace(b"\r\n", b"\n")
    head, _, rest = body.partition(b"data:")
    rest, _, end = rest.partition(b"\n")
    if end != b"\n" or rest in _DONE or 13 in body:
        return None, b""
    if b"id:" <= head < b"id;":
        line, end, head = head.partition(b"\n")
        return (head, line) if end else (None, b"")
    return head, b""


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


def sender(  # noqa: C901 - three small functions that share their names
    notes: Notes,
    clock: Callable[[], float],
    odd: Callable[[Stream, Any, Any], Any],
    *,
    timed: bool = False,
) -> Callable[[Stream, Any], Any]:
    """
    Return what wraps a server's `send` for one stream.

    The wrapper is a plain function that hands back the server's own awaitable: a second
    coroutine would cost as much as all the rest. `odd` takes everything but a body message in
    mid-stream. `timed` is for servers whose awaitable does not tell whether it is suspended:
    there each send is timed, which costs the second coroutine. All names but the stream and the
    inner `send` are shared by every wrapper.
    """
    pending, drain = notes.pending, notes.drain
    note = pending.append

    def wrap(stream: Stream, inner: Any) -> Any:
        def send(message: Any) -> Any:
            if not stream.live:
                return odd(stream, message, inner)
            try:
                body = message["body"]
                plain = message["more_body"] and body.__class__ is bytes and body
            except Exception:  # noqa: BLE001 - whatever is strange is the server's to judge
                plain = False
            if not plain:
                return odd(stream, message, inner)
            note((stream, body, clock()))
            if len(pending) >= _DRAIN_AT:
                try:
                    drain()
                except Exception:  # noqa: BLE001 - a message is never held up by our faults
                    notes.fault("tally")
            stream.coro = sent = inner(message)
            return sent

        return send

    def wrap_timed(stream: Stream, inner: Any) -> Any:
        async def timed_inner(message: Any) -> Any:
            began = clock()
            try:
                return await inner(message)
            finally:
                if stream.live:
                    with notes.lock:
                        stream.tally.blocked_seconds += clock() - began

        return wrap(stream, timed_inner)

    return wrap_timed if timed else wrap
