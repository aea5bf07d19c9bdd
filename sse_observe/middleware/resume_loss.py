"""
Loss and duplicates across a resume, inferred from dense ids `<seq>-<epoch>`.

Knows ids only, and remembers a bounded number of epochs. A cursor is believed as far as this
process has written the epoch itself.
"""

import re
from collections import OrderedDict

from sse_observe.contract import EVENT_ID_FORM
from sse_observe.middleware.end_log import LOGGER
from sse_observe.middleware.stream import Stream

_match_id = re.compile(EVENT_ID_FORM.encode()).fullmatch
# At about 200 bytes each, 2 MB for the streams that may still come back.
_MOST_EPOCHS = 10_000


def parse_id(raw: bytes) -> tuple[int, bytes] | None:
    """Return (seq, epoch), or None for an id of any other form."""
    found = _match_id(raw)
    return (int(found[1]), found[2]) if found else None


class _Epoch:
    """The ids written of one stream, over all its connections."""

    __slots__ = ("lost_up_to", "writer", "written")

    def __init__(self) -> None:
        self.writer: Stream | None = None
        self.written = -1
        self.lost_up_to = -1

    def last(self) -> int:
        """Return the highest seq written, that of a connection still open included."""
        if self.writer is not None:
            found = parse_id(self.writer.id[3:].removeprefix(b" "))
            if found is not None:
                self.written = max(self.written, found[0])
            if not self.writer.live:
                self.writer = None
        return self.written


class Cursors:
    """The epochs that this process has written; the least recently used is forgotten."""

    def __init__(self) -> None:
        self._epochs: OrderedDict[bytes, _Epoch] = OrderedDict()
        self._misdeclared: set[str] = set()

    def watch(self, stream: Stream, resumed_from: bytes) -> None:
        """Follow a stream of dense ids; `resumed_from` is what its client asked for, or empty."""
        stream.cursor = _Cursor(self, parse_id(resumed_from))

    def closed(self, stream: Stream) -> None:
        """Keep what an ended stream has written, and let go of it and all that it holds."""
        found = parse_id(stream.id[3:].removeprefix(b" "))
        record = self._epochs.get(found[1]) if found is not None else None
        if record is not None:
            record.last()

    def saw_other_form(self, label: str) -> None:
        """Say, once for a route, that its ids are not dense; their text may be anybody's."""
        if label not in self._misdeclared:
            self._misdeclared.add(label)
            LOGGER.warning(
                "%s: declares dense_ids, but its ids are not of the form <seq>-<epoch>, as in "
                "7-k3x9: a plain number does not tell one stream from another, and no loss can "
                "be inferred. Send such ids, or leave dense_ids out",
                label,
            )

    def known(self, epoch: bytes) -> _Epoch | None:
        """Return what is remembered of an epoch."""
        return self._epochs.get(epoch)

    def writing(self, epoch: bytes, stream: Stream) -> _Epoch:
        """Remember who writes an epoch now."""
        found = self._epochs.get(epoch)
        if found is None:
            found = self._epochs[epoch] = _Epoch()
            if len(self._epochs) > _MOST_EPOCHS:
                self._epochs.popitem(last=False)
        else:
            self._epochs.move_to_end(epoch)
        found.last()
        found.writer = stream
        return found


class _Cursor:
    """One connection, until it has passed the place from which it resumed."""

    __slots__ = ("asked", "believed", "cursors")

    def __init__(self, cursors: Cursors, asked: tuple[int, bytes] | None) -> None:
        self.cursors = cursors
        self.asked = asked
        self.believed = False
        if asked is not None:
            epoch = cursors.known(asked[1])
            # A cursor beyond what was written is a joke, or another process's business.
            self.believed = epoch is not None and asked[0] <= epoch.last()

    def saw(self, stream: Stream, raw: bytes) -> "_Cursor | None":
        """Judge one id that was written; return self while the next one matters too."""
        found = parse_id(raw)
        if found is None:
            self.cursors.saw_other_form(stream.counts.label)
            return None if self.asked is None else self
        seq, epoch = found
        record = self.cursors.writing(epoch, stream)
        if self.asked is None:
            return None
        cursor, asked_epoch = self.asked
        explained = stream.overrides.judges_resume
        if asked_epoch != epoch:
            if self.believed and not explained:
                old = self.cursors.known(asked_epoch)
                if old is not None:
                    _lose(stream, old, cursor, old.last() + 1)
            return None
        if seq <= cursor:
            if self.believed and not explained:
                stream.counts.duplicated += 1
            return self
        if not explained:
            _lose(stream, record, cursor, seq)
        return None


def _lose(stream: Stream, epoch: _Epoch, cursor: int, first: int) -> None:
    """Count what lies between, once: a cursor asked again does not lose it again."""
    after = max(cursor, epoch.lost_up_to)
    if first - 1 > after:
        stream.counts.lost += first - 1 - after
        epoch.lost_up_to = first - 1
