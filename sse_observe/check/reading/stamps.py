"""
Times at which a server says that it made its events, where it says so.

They show what was held back on the way: not by their clock, which may be wrong, but by how much
later than the best of them an event came.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sse_observe.check.reading.dialect import is_greeting, is_heartbeat
from sse_observe.check.reading.event_log import SeenEvent

# The contract's own two, then what others call theirs.
_NAMES = ("t", "server_time", "ts", "time", "timestamp", "sent_at", "sent", "at", "created_at")
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e8, 1.0))
"""From a number of this size on it counts nanoseconds, microseconds, milliseconds, seconds."""
# A time that lies further off is not when the event was sent.
_PAST_SECONDS, _FUTURE_SECONDS = 60.0, 5.0
_FEWEST = 3


class Delay(NamedTuple):
    """How much later than the best one an event came; `sent` and `at` are relative times."""

    at: float
    sent: float
    late: float


class Delays(NamedTuple):
    """The delays of a stream's stamped events; `ours` if the stream contract stamped them."""

    each: tuple[Delay, ...]
    ours: bool
    resolution: float

    @property
    def most(self) -> float:
        """The largest delay that the stamps prove."""
        return max(0.0, max(delay.late for delay in self.each) - self.resolution)


def delays(events: Sequence[SeenEvent], began: float) -> Delays | None:
    """Return the delays of events that are stamped; `began` is the recording's Unix time."""
    stamped = [(event, found) for event in events if (found := _stamp(event, began)) is not None]
    if len({found for _, found in stamped}) < _FEWEST:
        return None
    offsets = [event.at + began - found for event, found in stamped]
    best = min(offsets)
    each = tuple(
        Delay(event.at, found - began, offset - best)
        for (event, found), offset in zip(stamped, offsets, strict=True)
    )
    ours = all(is_heartbeat(event.type) or is_greeting(event.type) for event, _ in stamped)
    whole = all(found == int(found) for _, found in stamped)
    return Delays(each, ours, 1.0 if whole else 0.0)


def _stamp(event: SeenEvent, began: float) -> float | None:
    """Return the Unix time that an event says it was sent at."""
    if not event.data.startswith("{"):
        return None
    try:
        fields = json.loads(event.data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    for name in _NAMES:
        found = _seconds(fields.get(name))
        if found is not None:
            late = began + event.at - found
            return found if -_FUTURE_SECONDS <= late <= _PAST_SECONDS else None
    return None


def _seconds(value: object) -> float | None:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return next((value / unit for least, unit in _UNITS if value >= least), None)
