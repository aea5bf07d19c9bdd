"""
Whether silence proves anything: what was refused unread, and what went elsewhere.

A stream may be called silent only where its client would have been heard. Knows counts and a
clock; knows neither tokens nor streams.
"""

from collections.abc import Callable
from math import inf

from sse_observe.beacon.limits import MOST_KEYS, Recent

# A balancer that sends reports to any host does so all the time.
_WANDERING_INTERVALS = 60
# Some reports of browsers never arrive; of those that may go to either of two hosts half do not.
_MOST_MISSING = 0.1
# A single one proves nothing.
_LEAST_MISSING = 1.0
# One client that counts wrongly must not stand for many.
_MOST_SKIPPED = 3
_KEPT = 0.5


class Hearing:
    """The evidence that reports were sent which one process did not hear; in bounded memory."""

    def __init__(self, report_seconds: float, clock: Callable[[], float]) -> None:
        self._interval = report_seconds
        self._clock = clock
        self._refused_at = -inf
        self._refused: Recent[float] = Recent(MOST_KEYS)
        self._foreign_at = -inf
        # Of the last intervals, fading.
        self._heard = self._missing = 0.0
        self._faded_at = clock()

    def refused(self, address: str | None) -> None:
        """Take note that reports were refused unread: of one address, or of anybody."""
        if address is None:
            self._refused_at = self._clock()
        else:
            self._refused.put(address, self._clock())

    def foreign(self) -> None:
        """Take note of a report on a stream that another host has opened since we began."""
        self._foreign_at = self._clock()

    def heard(self, skipped: int) -> None:
        """Take note of a report, and of how many of its client's are missing before it."""
        self._fade()
        self._heard += 1
        if skipped:
            # One that comes late after all is not missing any more.
            missing = self._missing + max(-1, min(skipped, _MOST_SKIPPED))
            self._missing = max(0.0, missing)

    def unreadable(self) -> None:
        """Take note of a report under another secret: ours may be refused elsewhere."""
        self._fade()
        self._missing += 1

    def _fade(self) -> None:
        now = self._clock()
        if now - self._faded_at >= 10 * self._interval:
            self._heard *= _KEPT
            self._missing *= _KEPT
            self._faded_at = now

    @property
    def is_alone(self) -> bool:
        """Whether reports on our streams come here and nowhere else, for all that is known."""
        if self._clock() - self._foreign_at < _WANDERING_INTERVALS * self._interval:
            return False
        sent = self._heard + self._missing
        return self._missing <= max(_LEAST_MISSING, _MOST_MISSING * sent)

    def refusal(self, address: str) -> float:
        """Return when reports of an address were last refused unread; long ago if never."""
        return max(self._refused_at, self._refused.get(address) or -inf)
