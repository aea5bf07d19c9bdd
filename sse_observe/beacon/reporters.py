"""
Browser tabs that report: what each may still send, and what its token grants.

Knows tokens and their grants; what a beacon report says is nothing to it.
"""

from collections.abc import Callable

from sse_observe.beacon.counts import ReportCounts
from sse_observe.beacon.limits import MOST_KEYS, Bucket, Rate, Recent
from sse_observe.beacon.tokens import Grant


class Reporter(Bucket):
    """One browser tab, and what its token grants."""

    __slots__ = ("counts", "grant")

    def __init__(self, grant: Grant, counts: ReportCounts, level: float, since: float) -> None:
        super().__init__(level, since)
        self.grant = grant
        self.counts = counts


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
