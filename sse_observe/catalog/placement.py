"""
Signals in groups: which are evaluated together, and why the others need not be.

A ruler evaluates the rules of a group one after the other, at one timestamp, and the groups beside
each other: what another group recorded is up to an interval old. So a signal stands in one group
with what it must see at its own timestamp, and whatever may stand anywhere fills the groups of its
topic, in the order of the catalogue. Knows no ruler and no format.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from sse_observe.catalog.durations import seconds
from sse_observe.catalog.model import Alert, Interval, Signal
from sse_observe.catalog.reads import Read, signals_read, span_of, subtracts

MOST_RULES = 20
"""Of one group: the default of Mimir, and the limit of Grafana Cloud."""

# The longest time between two evaluations. A stretch of ten of them changes by a tenth at most
# when the last is missing.
_LONGEST: Mapping[Interval, float] = {"usual": 60.0, "slow": 150.0}
_MANY = 10
_BRIEF = _MANY * _LONGEST["usual"]

Standing = Literal["raw", "together", "late", "smooth", "averaged"]
"""
Reasons for which a signal may stand where it does.

raw: it reads no other. together: all that it compares is in its own group. late: all that it
compares comes from one other group, so it says the same an interval later. smooth: it reads
stretches of at least ten intervals. averaged: it compares signals of several groups, but is itself
read over such stretches alone.
"""


class SignalGroup(NamedTuple):
    """Signals that are evaluated together, in order."""

    name: str
    interval: Interval
    signals: tuple[Signal, ...]


class _Room(NamedTuple):
    """A group before it is full: the first of a topic has no number."""

    topic: str
    interval: Interval
    number: int

    @property
    def name(self) -> str:
        slow = "" if self.interval == "usual" else f"-{self.interval}"
        return f"sse-{self.topic}{slow}" + (f"-{self.number}" if self.number > 1 else "")


class _Bonds:
    """Sets of signals that stay together: each joins at most once, the earliest is its head."""

    def __init__(self, names: Iterable[str]) -> None:
        self._rank = {name: rank for rank, name in enumerate(names)}
        self._head = {name: name for name in self._rank}

    def head(self, name: str) -> str:
        """Return the first signal of a set."""
        while self._head[name] != name:
            name = self._head[name]
        return name

    def join(self, names: Iterable[str]) -> None:
        """Make one set of all."""
        heads = sorted({self.head(name) for name in names}, key=self._rank.__getitem__)
        for other in heads[1:]:
            self._head[other] = heads[0]

    def sets(self) -> list[list[str]]:
        """Return every set, in the order of their heads."""
        found: dict[str, list[str]] = defaultdict(list)
        for name in self._rank:
            found[self.head(name)].append(name)
        return list(found.values())


class Placement:
    """The groups of the signals of a catalogue."""

    def __init__(self, signals: Iterable[Signal]) -> None:
        self._signals = {signal.record: signal for signal in signals}
        self._reads = {
            record: [read for read in signals_read(signal.expr) if read.series in self._signals]
            for record, signal in self._signals.items()
        }
        readers: dict[str, list[Read]] = defaultdict(list)
        for reads in self._reads.values():
            for read in reads:
                readers[read.series].append(read)
        self._averaged = {
            record
            for record, reads in readers.items()
            if all(read.stretch >= _MANY * max(_LONGEST.values()) for read in reads)
        }
        self._group_of: dict[str, str] = {}
        self.groups = tuple(self._filled(self._bonds().sets()))

    def group_of(self, record: str) -> str:
        """Return the name of the group that a signal is evaluated in."""
        return self._group_of[record]

    def standing(self, record: str) -> Standing | None:
        """Return why a signal may stand where it does; None where it may not."""
        if not self._reads[record]:
            return "raw"
        compared = self._compared(record)
        sources = {self._group_of[name] for name in compared}
        if not compared:
            return "smooth"
        if sources == {self._group_of[record]}:
            return "together"
        if len(sources) == 1 and not self._differs(record):
            return "late"
        return "averaged" if record in self._averaged else None

    def problems(self) -> Iterator[str]:
        """Yield each signal that groups would evaluate wrongly, and each group that is too long."""
        for group in self.groups:
            if len(group.signals) > MOST_RULES:
                yield (
                    f"group {group.name}: {len(group.signals)} signals compare each other at one "
                    f"instant, and a ruler takes {MOST_RULES} in a group; let some of them read "
                    "longer stretches"
                )
        for record in self._signals:
            if self.standing(record) is None:
                yield (
                    f"signal {record}: it compares {', '.join(sorted(self._compared(record)))} at "
                    "one instant, and no group has them all; record them at one interval, or read "
                    "longer stretches"
                )

    def alert_problems(self, alert: Alert) -> Iterator[str]:
        """Yield why an alert would judge values of different age, or of an age that matters."""
        for window in alert.windows or (None,):
            known = [name for name in alert.compared(window) if name in self._signals]
            for name in known:
                if self._signals[name].interval == "slow" or name in self._averaged:
                    yield f"when: {name} is recorded for signals over longer stretches; read those"
            brief = {name for name in known if span_of(name) < _BRIEF}
            hold_for = window.hold_for if window else alert.hold_for
            apart = len({self._group_of[name] for name in brief}) > 1
            if apart and seconds(hold_for) < _LONGEST["usual"]:
                yield (
                    f"for: {hold_for}: {', '.join(sorted(brief))} are recorded in several groups, "
                    "up to an interval apart; write 1m or more"
                )

    def _compared(self, record: str) -> set[str]:
        """Return what a signal reads so shortly that the age of an interval may show."""
        return {
            read.series
            for read in self._reads[record]
            if read.stretch < _MANY * _LONGEST[self._signals[read.series].interval]
        }

    def _differs(self, record: str) -> bool:
        """Whether different things are subtracted: there a small error becomes a large one."""
        return len(self._compared(record)) > 1 and subtracts(self._signals[record].expr)

    def _bonds(self) -> _Bonds:
        bonds = _Bonds(self._signals)
        for record, signal in self._signals.items():
            compared = self._compared(record)
            alone = len({read.series for read in self._reads[record]}) == 1
            if alone or record in self._averaged:
                continue
            alike = self._alike(compared, signal.interval)
            if self._differs(record):
                # All of it at one timestamp, down to the raw metrics.
                bonds.join([record, *self._alike(self._below(compared), signal.interval)])
            elif len({bonds.head(name) for name in compared}) > 1:
                bonds.join([record, *alike] if alike else compared)
        return bonds

    def _alike(self, names: Iterable[str], interval: Interval) -> list[str]:
        return [name for name in names if self._signals[name].interval == interval]

    def _below(self, names: Iterable[str]) -> set[str]:
        found = set(names)
        for name in [*found]:
            found |= self._below(self._compared(name))
        return found

    def _filled(self, sets: Iterable[list[str]]) -> Iterator[SignalGroup]:
        """Fill the groups of each topic: a set goes to what it reads, else into the first room."""
        filled: dict[_Room, list[str]] = {}
        # What stands alone fits anywhere.
        for names in sorted(sets, key=lambda names: len(names) == 1):
            first = self._signals[names[0]]
            read = {
                self._group_of[name]
                for each in names
                for name in self._compared(each)
                if name in self._group_of
            }
            kind = first.topic, first.interval
            own = [room for room in filled if (room.topic, room.interval) == kind]
            near = [room for room in own if read == {room.name}]
            fits = (r for r in (*near, *own) if len(filled[r]) + len(names) <= MOST_RULES)
            room = next(fits, _Room(*kind, len(own) + 1))
            filled.setdefault(room, []).extend(names)
            self._group_of |= dict.fromkeys(names, room.name)
        topics = list(dict.fromkeys(signal.topic for signal in self._signals.values()))
        for room in sorted(filled, key=lambda room: (topics.index(room.topic), room.name)):
            held = set(filled[room])
            signals = (signal for record, signal in self._signals.items() if record in held)
            yield SignalGroup(room.name, room.interval, tuple(signals))
