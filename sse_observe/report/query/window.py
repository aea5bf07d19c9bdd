"""The stretch of time that a report looks at, and how finely; reads what people write for it."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from sse_observe.catalog.durations import seconds
from sse_observe.errors import ReportError

MOST_POINTS = 300
"""Points of a series at most: more than a plot of a third of a page can show."""

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

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start

    @property
    def points(self) -> int:
        """How many points a whole series has."""
        return int(self.seconds / self.step + 0.5) + 1

    def place(self, at: float) -> int | None:
        """Return the number of the point at a time; None outside of the window."""
        index = round((at - self.start) / self.step)
        return index if 0 <= index < self.points else None


def window(start: float, end: float, finest: float) -> Window:
    """Return the window with a step of at least `finest` seconds, and few enough points."""
    least = max(finest, (end - start) / MOST_POINTS)
    step = next((float(step) for step in _STEPS if step >= least), math.ceil(least))
    # The last point is the end itself, so that what is said of "now" and the plots agree.
    return Window(end - step * max(1, math.floor((end - start) / step)), end, step)


def since(text: str, until: str | None, now: float, finest: float) -> Window:
    """
    Read `--since` and `--until`: a duration before now (`24h`), or a moment (ISO 8601).

    A moment without a zone is UTC. ReportError where it is neither, or no window.
    """
    start = _moment("--since", text, now)
    end = now if until is None else _moment("--until", until, now)
    if end > now + 1:
        raise ReportError(f"--until {until}: that is in the future; leave it out to end now")
    if start >= end:
        begin = "a moment" if until is None else f"--until {until}"
        raise ReportError(f"--since {text}: not before {begin}; begin earlier, such as 24h")
    if end - start < _SHORTEST:
        raise ReportError(
            f"--since {text}: {end - start:.0f} s are no window; begin a minute earlier "
            "at least, such as 1h"
        )
    if end - start > _LONGEST:
        raise ReportError(f"--since {text}: over 400 days; choose a shorter window, such as 24h")
    return window(start, end, finest)


def _moment(option: str, text: str, now: float) -> float:
    try:
        return now - seconds(text)
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ReportError(
            f"{option} {text!r}: neither a duration nor a time; "
            "write it like 24h, 90m or 2026-01-31T14:00"
        ) from None
