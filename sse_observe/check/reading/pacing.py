"""
The pace of a stream: did events come as they were made, or in bursts, and what made the bursts.

Judges by the times and sizes of arrivals alone. A burst is what a person would see as one: events
at once, three somewhere, after a silence that is felt.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from sse_observe.check.asking.recording import Recording
from sse_observe.check.reading.event_log import SeenEvent

# Two arrivals closer than this are one: our own reading is no more exact on a busy machine.
INSTANT_SECONDS = 0.02
# The kernel holds what a proxy marks as unfinished for 0.2 s, and text then comes in jerks.
FELT_SECONDS = 0.18
BURST_EVENTS = 3
# What comes at once right after the head is a backlog, or the prelude of an answer.
PROMPT_SECONDS = 0.5
# The last arrivals of an answer that ends within this time came together with its end.
_END_SECONDS = 0.1
_KNOWN_BUFFERS = (1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072)
# The first buffer holds the head too; sizes on the wire hold chunk marks.
_BUFFER_TOLERANCE = 0.12
_FEWEST_TORN = 2
_LEAST_BUFFER = 900
_LEAST_GUESSED = 4096
_FEWEST_PERIODS = 4
_PERIOD_TOLERANCE = 0.2
_STEADY = 0.6


class Burst(NamedTuple):
    """The arrivals of one instant: content events that became whole, bytes of the wire."""

    at: float
    silence: float
    """The time since the arrival before, or since the request."""
    events: int
    size: int
    torn: bool
    """Whether it ended within an event."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """The pace of one recording."""

    bursts: tuple[Burst, ...]
    """Every instant at which something arrived."""
    events: int
    """Content events, without those of a prompt backlog."""
    instants: int
    """Instants at which one of them was whole."""
    bunched: int
    """Those that came in a burst."""
    held_seconds: float
    """The longest silence before such a burst."""
    collected: bool
    """Whether all of them came together with the answer's end."""
    late_tails: int
    """Events that were completed only by a later arrival."""
    buffer: int | None
    """The size of the pieces in which everything came, where it was cut by size."""
    period: float | None
    """The time between bursts, where it is always the same."""

    @property
    def share(self) -> float:
        """Distinct instants to events; 1 where each came by itself."""
        return self.instants / self.events if self.events else 1.0

    @property
    def judgeable(self) -> bool:
        """Whether there was enough to judge."""
        return self.events >= BURST_EVENTS

    @property
    def in_bursts(self) -> bool:
        """Whether a user sees blocks instead of a flow."""
        return self.judgeable and self.share < 0.8 and self.bunched >= self.events / 2


def pacing(recording: Recording) -> Pacing:
    """Return the pace at which a recording's events came."""
    bursts = _bursts(recording)
    content = _without_backlog(recording)
    ends = [burst.at for burst in bursts]
    own = [_index(ends, event.at) for event in content]
    together = {number: len(list(group)) for number, group in itertools.groupby(own)}
    bunched = [
        bursts[number]
        for number, count in together.items()
        if count > 1 and bursts[number].silence >= FELT_SECONDS
    ]
    if max(together.values(), default=0) < BURST_EVENTS:
        # An application may well write two events at a time.
        bunched = []
    # What was under way when the answer ended is the answer's, not a buffer's.
    torn = [burst for burst in (bursts if recording.end == "left" else bursts[:-1]) if burst.torn]
    return Pacing(
        bursts=tuple(bursts),
        events=len(content),
        instants=len(set(own)),
        bunched=sum(own.count(ends.index(burst.at)) for burst in bunched),
        held_seconds=max((burst.silence for burst in bunched), default=0.0),
        collected=_collected(recording, content),
        late_tails=sum(event.at - event.began_at >= FELT_SECONDS / 2 for event in content),
        buffer=_buffer(torn),
        period=_period(bunched),
    )


def _bursts(recording: Recording) -> list[Burst]:
    """Group arrivals into instants."""
    found: list[Burst] = []
    torn = set(recording.log.torn_at)
    events = iter(recording.log.content)
    event = next(events, None)
    last = 0.0
    for read in recording.reads:
        whole = 0
        while event is not None and event.at <= read.at:
            whole += 1
            event = next(events, None)
        one = Burst(read.at, read.at - last, whole, read.size, read.at in torn)
        if found and one.silence < INSTANT_SECONDS:
            before = found[-1]
            one = Burst(
                one.at, before.silence, before.events + whole, before.size + read.size, one.torn
            )
            found[-1] = one
        else:
            found.append(one)
        last = read.at
    return found


def _without_backlog(recording: Recording) -> list[SeenEvent]:
    """Return the content events without those that came promptly and at once, but the last."""
    content = recording.log.content
    if not content or content[0].at > PROMPT_SECONDS:
        return content
    prompt = sum(event.at - content[0].at < INSTANT_SECONDS for event in content)
    return content[prompt - 1 :]


def _index(ends: Sequence[float], at: float) -> int:
    """Return the burst in which an event was whole: the first that ends at or after it."""
    return next((number for number, end in enumerate(ends) if end >= at), len(ends) - 1)


def _collected(recording: Recording, content: Sequence[SeenEvent]) -> bool:
    end = recording.ended_at
    if recording.end != "complete" or end is None or len(content) < BURST_EVENTS:
        return False
    return end - content[0].at <= _END_SECONDS and content[0].at >= FELT_SECONDS


def _buffer(torn: Sequence[Burst]) -> int | None:
    """Return the size by which arrivals were cut; whoever cuts by size cuts within events."""
    sizes = [burst.size for burst in torn if burst.silence >= FELT_SECONDS / 2]
    if len(sizes) < _FEWEST_TORN:
        # The first buffer holds the head too: a little less than it is made for.
        large = [known for known in _KNOWN_BUFFERS if known >= _LEAST_GUESSED]
        return next((k for k in large for size in sizes if 0.9 * k <= size <= k), None)
    usual = median(sizes)
    if usual < _LEAST_BUFFER:
        # A compressor's pieces are torn too, and small.
        return None
    alike = sum(abs(size - usual) <= usual * _BUFFER_TOLERANCE for size in sizes)
    if alike < len(sizes) * 0.6:
        return None
    return next(
        (known for known in _KNOWN_BUFFERS if abs(usual - known) <= known * _BUFFER_TOLERANCE),
        round(usual),
    )


def _period(bunched: Sequence[Burst]) -> float | None:
    """Return the time between bursts, where it is always the same."""
    gaps = [after.at - before.at for before, after in itertools.pairwise(bunched)]
    if len(gaps) < _FEWEST_PERIODS:
        return None
    usual = median(gaps)
    steady = sum(abs(gap - usual) <= usual * _PERIOD_TOLERANCE for gap in gaps)
    return usual if steady >= len(gaps) * _STEADY else None
