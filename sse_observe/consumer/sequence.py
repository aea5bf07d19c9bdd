"""
The sequence of one stream's events: which are new, which came twice, which never came.

Judges by ids over all connections, without I/O; remembers a number, not a set of ids.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from sse_observe.consumer.request import is_sendable
from sse_observe.contract import EventId, parse_event_id
from sse_observe.wire import Event

# An epoch is random text; what other systems put there (a Redis entry's counter) is digits.
_SHORTEST_EPOCH = 8
# Ids of any other form can only be compared; a longer replay is not recognised as one.
_RECENT = 256
# Half of what servers take as a whole head: a longer cursor would never be answered.
_LONGEST_CURSOR = 4096
# The whole numbers that everybody holds exactly.
_MOST_LOST = 2**53


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
class Arrival:
    """
    The place of one event in its sequence.

    `unannounced` is how many before it are missing although the server did not say so.
    """

    duplicate: bool = False
    gap: Gap | None = None
    unannounced: int = 0


_NEW = Arrival()
_DUPLICATE = Arrival(duplicate=True)
# The mark of an id whose event was another process's to see.
_UNKNOWN = 0


class EventSequence:
    """
    The high-water mark of one stream; `cursor` is what to resume from.

    That is the last id that can be sent; what comes again after it is known. `dense` says whether
    ids are `<seq>-<epoch>` without holes; None means: where a greeting came first and the ids look
    so.
    """

    def __init__(self, last_event_id: str = "", *, dense: bool | None = None) -> None:
        self.cursor = last_event_id
        self._dense = dense
        mark = _dense_id(last_event_id)
        self._last = mark.seq if mark else -1
        self._epoch = mark.epoch if mark else None
        # Marks, as an id may be as long as an event: of each id, and of what it stood for.
        self._recent: OrderedDict[int, int] = OrderedDict()
        self._are_unique = True
        if last_event_id:
            self._recent[hash(last_event_id)] = _UNKNOWN
        self.connected()

    def connected(self) -> None:
        """Begin a connection; if it resumes, it may repeat what is known."""
        self._repeats = bool(self.cursor)
        self._greeted = False
        # The server said that the `_gone` events after `_base` are gone.
        self._base = self._last
        self._gone = 0

    def greeted(self, hello: Mapping[str, object]) -> None:
        """Take a greeting: what it announces as lost is judged where the next event stands."""
        self._greeted = True
        lost = hello.get("lost")
        if isinstance(lost, int) and not isinstance(lost, bool) and 0 < lost < _MOST_LOST:
            self._gone = lost
        if not self.cursor or hello.get("resumed_from") != self.cursor:
            # From the start of the stream, whatever we have of it already.
            self._base = -1

    def arrived(self, event: Event, event_id: str | None) -> Arrival:
        """Return what an event is, and move the mark past it; `event_id` is its own, if any."""
        if not event_id:
            if event_id is not None:
                self.moved("")
            return _NEW
        mark = self._mark(event_id)
        arrival = self._ranked(mark) if mark else self._compared(event)
        if not arrival.duplicate:
            self._go_on_after(event_id)
        return arrival

    def moved(self, event_id: str) -> None:
        """Take an id that is no event's of the stream; an empty one leaves no cursor."""
        if not event_id:
            self.cursor = ""
            return
        mark = self._mark(event_id)
        if mark and mark.epoch == self._epoch:
            if mark.seq <= self._last:
                return
            self._last = mark.seq
        self._go_on_after(event_id)

    def _go_on_after(self, event_id: str) -> None:
        if len(event_id) <= _LONGEST_CURSOR and is_sendable(event_id):
            self.cursor = event_id

    def _mark(self, event_id: str) -> EventId | None:
        dense = self._greeted if self._dense is None else self._dense
        return _dense_id(event_id) if dense else None

    def finished(self) -> Gap | None:
        """Return the gap that was announced and that no event followed."""
        rest, self._gone = self._base + self._gone - self._last, 0
        return Gap(rest, announced=True) if rest > 0 else None

    def _ranked(self, mark: EventId) -> Arrival:
        if mark.epoch == self._epoch:
            if mark.seq <= self._last:
                return _DUPLICATE
            arrival = self._after_hole(mark.seq)
        elif self._epoch is not None:
            # Another stream: what was known of the old one says nothing about it.
            arrival = Arrival(gap=Gap(None, announced=self._greeted))
        elif self._greeted and not self._repeats:
            arrival = self._after_hole(mark.seq)
        else:
            # The first event we ever see, of a stream that began without us.
            arrival = _NEW
        self._last, self._epoch = mark
        return arrival

    def _after_hole(self, seq: int) -> Arrival:
        """Judge what lies between the mark and the event that came."""
        missing = seq - self._last - 1
        if not missing:
            return _NEW
        first, end = max(self._last, self._base) + 1, min(seq, self._base + 1 + self._gone)
        silent = missing - max(end - first, 0)
        return Arrival(gap=Gap(missing, announced=not silent), unannounced=silent)

    def _compared(self, event: Event) -> Arrival:
        """Judge an id of any form: it came twice only if the same event came with it."""
        name, content = hash(event.last_event_id), hash((event.type, event.data))
        known = self._recent.get(name)
        if known is not None and self._are_unique:
            if self._repeats and known in (content, _UNKNOWN):
                return _DUPLICATE
            if self._repeats:
                # Its number is taken anew, as by a counter that began again with its process.
                self._recent.clear()
                self._gone = 0
                self._remember(name, content)
                return Arrival(gap=Gap(None, announced=False))
            # One id for several events, as of a whole message: it tells nothing of one event.
            self._are_unique = False
        self._remember(name, content)
        lost, self._gone = self._gone, 0
        return Arrival(gap=Gap(lost, announced=True)) if lost else _NEW

    def _remember(self, name: int, content: int) -> None:
        self._repeats = False
        self._recent[name] = content
        self._recent.move_to_end(name)
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)


def _dense_id(event_id: str) -> EventId | None:
    """Return what an id says if it looks like one without holes, and not like anybody else's."""
    found = parse_event_id(event_id)
    if found is None or len(found.epoch) < _SHORTEST_EPOCH or found.epoch.isdigit():
        return None
    return found
