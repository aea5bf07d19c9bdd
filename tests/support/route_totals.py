"""The counts of one route's streams, by readable words."""

import time
from collections import Counter

from sse_observe import SSEMetrics
from tests.support.asgi import value

WORDS = {
    "sse_streams_opened_total": "opened {start}",
    "sse_streams_closed_total": "closed {reason}",
    "sse_open_rejected_total": "rejected {status}",
    "sse_streams_empty_total": "empty",
    "sse_streams_unreadable_total": "unreadable",
    "sse_time_to_first_event_seconds_count": "first content",
    "sse_concurrent_streams": "open",
}
PATIENCE_SECONDS = 30.0


class RouteTotals:
    """The counts of one route."""

    def __init__(self, metrics: SSEMetrics, route: str) -> None:
        self._metrics = metrics
        self._route = route

    def now(self) -> Counter[str]:
        """Return what was counted; zeros are left out."""
        found: Counter[str] = Counter()
        for family in self._metrics.registry.collect():
            for sample in family.samples:
                if sample.name in WORDS and sample.labels["route"] == self._route:
                    found[WORDS[sample.name].format(**sample.labels)] += int(sample.value)
        return +found

    def settled(self, expected: dict[str, int]) -> Counter[str]:
        """Wait until this was counted, or for long enough; return what was."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := self.now()) != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    @property
    def first_seconds(self) -> float:
        """How long the first contents took, added up."""
        return value(self._metrics, "sse_time_to_first_event_seconds_sum", route=self._route)
