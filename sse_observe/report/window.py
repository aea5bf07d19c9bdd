"""The stretch of time that a report looks at, and how finely; reads what people write for it."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from sse_observe.catalog.durations import seconds
from sse_observe.errors import ReportError

MOST_POINTS = 300
"""Points of a series at most: more than a chart of a third of a screen can show."""

# Steps that people read without arithmetic.
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
_SHORTEST = 60.0
_LONGEST = 400 * 86400.0


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to `end` in Unix time; series are asked for every `step` seconds, ends exact."""

    start: float
    end: float
    step: float

    @classmethod
    def fitting(cls, start: float, end: float, finest: float) -> Self:
        """Return the window with a step of at least `finest` seconds, and few enough points."""
        least = max(finest, (end - start) / MOST_POINTS)
        step = next((float(step) for step in _STEPS if step >= least), math.ceil(least))
        # The last point is the end itself, so that words about "now" and the charts agree.
        return cls(end - step * max(1, math.floor((end - start) / step)), end, step)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start

    @property
    def points(self) -> int:
        """How many points a whole series has."""
        return int(self.seconds / self.step + 0.5) + 1

    @property
    def spans_days(self) -> bool:
        """Whether a time of the day alone would be ambiguous."""
        return self.seconds > 86400

    def index_of(self, at: float) -> int | None:
        """Return the number of the point at a time; None outside of the window."""
        index = round((at - self.start) / self.step)
        return index if 0 <= index < self.points else None

    def contains(self, at: float) -> bool:
        """Whether a time lies in it, both ends included."""
        return self.start <= at <= self.end


def parse_window(since: str, until: str | None, now: float, finest: float) -> Window:
    """
    Read `--since` and `--until`: a duration before now (`24h`), or a time (ISO 8601).

    A time without a zone is UTC. ReportError where it is neither, or no window.
    """
    start = _parse_time("--since", since, now)
    end = now if until is None else _parse_time("--until", until, now)
    if end > now + 1:
        raise ReportError(f"--until {until}: this is in the future; leave it out to end now")
    if start >= end:
        latest = "now" if until is None else f"--until {until}"
        raise ReportError(f"--since {since}: not before {latest}; begin earlier, such as 24h")
    if end - start < _SHORTEST:
        raise ReportError(
            f"--since {since}: the window is {end - start:.0f} s long; "
            "choose one of at least a minute, such as 1h"
        )
    if end - start > _LONGEST:
        raise ReportError(f"--since {since}: over 400 days; choose a shorter window, such as 24h")
    return Window.fitting(start, end, finest)


def _parse_time(option: str, text: str, now: float) -> float:
    try:
        return now - seconds(text)
    except (ValueError, OverflowError):
        pass
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ReportError(
            f"{option} {text!r}: neither a duration nor a time; "
            "write it like 24h, 90m or 2026-01-31T14:00"
        ) from None
