"""
Browser tabs that report: what each may still send, and what it has sent before.

Knows tokens and their grants; what a beacon report says is nothing to it.
"""

from collections.abc import Callable

from sse_observe.beacon.counts import ReportCounts
from sse_observe.beacon.limits import MOST_KEYS, Bucket, Rate, Recent
from sse_observe.beacon.tokens import Grant

# Beacon reports of one tab come in order, or nearly; a number this far behind is a replay.
_WINDOW = 64
_ALL = (1 << _WINDOW) - 1


class Reporter(Bucket):
    """One browser tab: what its token grants, and which of its numbered reports have come."""

    __slots__ = ("counts", "grant", "has_ended", "highest", "window")

    def __init__(self, grant: Grant, counts: ReportCounts, level: float, since: float) -> None:
        super().__init__(level, since)
        self.grant = grant
        self.counts = counts
        # Of the report numbers seen: bit 0 stands for the highest, bit 1 for the one below it.
        self.highest = 0
        self.window = 0
        self.has_ended = False

    def is_new(self, n: int) -> bool:
        """Tell whether a report number, 1 or more, comes for the first time, and remember it."""
        ahead = n - self.highest
        if ahead > 0:
            self.window = (self.window << min(ahead, _WINDOW) | 1) & _ALL
            self.highest = n
            return True
        new = -ahead < _WINDOW and not self.window >> -ahead & 1
        if new:
            self.window |= 1 << -ahead
        return new

    def is_first_end(self) -> bool:
        """Tell whether the tab says for the first time how its stream ended, and remember it."""
        before, self.has_ended = self.has_ended, True
        return not before


class Reporters:
    """The tabs that were heard of last, by their tokens."""

    def __init__(
        self, limit: tuple[float, float], clock: Callable[[], float], most: int = MOST_KEYS
    ) -> None:
        self._rate = Rate(limit, clock)
        self._by_token: Recent[Reporter] = Recent(most)
        self.get = self._by_token.get
        self.take = self._rate.take

    def __len__(self) -> int:
        """Return how many tabs are remembered."""
        return len(self._by_token)

    def put(self, token: str, grant: Grant, counts: ReportCounts) -> Reporter:
        """Remember a tab that is heard of for the first time."""
        rate = self._rate
        return self._by_token.put(token, Reporter(grant, counts, rate.burst, rate.clock()))
