"""
Which events are new, which came twice, and which never came: by id, without I/O.

Judges one stream over all its connections; remembers a number, not a set of ids.
"""

import re
from collections import deque
from dataclasses import dataclass
from typing import Any

from sse_observe.wire import Event

# An epoch is random text; what other systems put there (a Redis entry's counter) is digits.
_DENSE = re.compile(r"([0-9]{1,15})-(?![0-9]+$)([0-9A-Za-z_-]{8,64})", re.ASCII)
# Ids of any other form can only be compared; a longer replay is not recognised as one.
_RECENT = 256


@dataclass(frozen=True, slots=True)
class Gap:
    """
    Events that are gone for good, at this place of the stream.

    `lost` is None where another stream has begun, so that nobody can count what is missing.
    `announced` tells whether the server said all of it.
    """

    lost: int | None
    announced: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one event is; `unannounced` is how many before it are missing without a word."""

    duplicate: bool = False
    gap: Gap | None = None
    unannounced: int = 0


_NEW = Verdict()
_DUPLICATE = Verdict(duplicate=True)


class Order:
    """
    The high-water mark of one stream; `cursor` is what to resume from.

    `dense` says whether ids are `<seq>-<epoch>` without holes; None means: where a greeting
    came first and the ids look so.
    """

    def __init__(self, last_event_id: str = "", *, dense: bool | None = None) -> None:
        self.cursor = last_event_id
        self._dense = dense
        mark = _DENSE.fullmatch(last_event_id)
        self._last = int(mark[1]) if mark else -1
        self._epoch = mark[2] if mark else None
        self._recent: deque[str] = deque([last_event_id] if last_event_id else [], _RECENT)
        self.connected()

    def connected(self) -> None:
        """Begin a connection; if it resumes, it may repeat what is known."""
        self._repeats = bool(self.cursor)
        self._greeted = False
        # The server said that the `_gone` events after `_base` are gone.
        self._base = self._last
        self._gone = 0
        self._previous = ""

    def greeted(self, hello: dict[str, Any]) -> None:
        """Take a greeting: what it announces as lost is judged where the next event stands."""
        self._greeted = True
        lost = hello.get("lost")
        if isinstance(lost, int) and not isinstance(lost, bool) and lost > 0:
            self._gone = lost
        if not self.cursor or hello.get("resumed_from") != self.cursor:
            # From the start of the stream, whatever we have of it already.
            self._base = -1

    def judge(self, event: Event) -> Verdict:
        """Say what an event is, and move the mark past it."""
        event_id = event.last_event_id
        # Without an id an event shows the one before it; a payload of ours always has its own.
        inherited = event_id == self._previous and event.type != "message"
        self._previous = event_id
        if not event_id or inherited:
            return _NEW
        dense = self._greeted if self._dense is None else self._dense
        mark = _DENSE.fullmatch(event_id) if dense else None
        verdict = self._ranked(int(mark[1]), mark[2]) if mark else self._compared(event_id)
        if not verdict.duplicate:
            self.cursor = event_id
        return verdict

    def finished(self) -> Gap | None:
        """Return the gap that was announced and that no event followed."""
        rest, self._gone = self._base + self._gone - self._last, 0
        return Gap(rest, announced=True) if rest > 0 else None

    def _ranked(self, seq: int, epoch: str) -> Verdict:
        if epoch == self._epoch:
            if seq <= self._last:
                return _DUPLICATE
            verdict = self._missing(seq)
        elif self._epoch is not None:
            # Another stream: what was known of the old one says nothing about it.
            verdict = Verdict(gap=Gap(None, announced=self._greeted))
        elif self._greeted and not self._repeats:
            verdict = self._missing(seq)
        else:
            # The first event we ever see, of a stream that began without us.
            verdict = _NEW
        self._epoch, self._last = epoch, seq
        return verdict

    def _missing(self, seq: int) -> Verdict:
        """Judge what lies between the mark and the event that came."""
        missing = seq - self._last - 1
        if not missing:
            return _NEW
        first, end = max(self._last, self._base) + 1, min(seq, self._base + 1 + self._gone)
        silent = missing - max(end - first, 0)
        return Verdict(gap=Gap(missing, announced=not silent), unannounced=silent)

    def _compared(self, event_id: str) -> Verdict:
        if self._repeats and event_id in self._recent:
            return _DUPLICATE
        self._repeats = False
        self._recent.append(event_id)
        lost, self._gone = self._gone, 0
        return Verdict(gap=Gap(lost, announced=True)) if lost else _NEW
