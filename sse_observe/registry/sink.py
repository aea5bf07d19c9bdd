"""
The interface between what counts and what exposes.

`prometheus` is its only implementation; whoever counts knows no other way. Names are those of
`metrics.METRICS`; label values come in the order in which the metric declares its labels.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Counter(Protocol):
    """One series that only grows."""

    def inc(self, amount: float = 1) -> None:
        """Add an amount, 0 or more."""


class Gauge(Protocol):
    """One series that shows what is now."""

    def inc(self, amount: float = 1) -> None:
        """Add an amount, which may be negative."""

    def set(self, value: float) -> None:
        """Show a value."""


class Histogram(Protocol):
    """The series of one distribution."""

    def observe(self, value: float) -> None:
        """Count one observation."""

    def add(self, counts: Sequence[int], total: float) -> None:
        """
        Add observations that were counted elsewhere.

        `counts` holds one number per bucket, not cumulative, the last one for +Inf;
        `total` is the sum of the observed values.
        """

    def exemplify(self, value: float, labels: Mapping[str, str]) -> None:
        """Let the bucket of a value that is counted elsewhere point at one case of it."""


class Sink(Protocol):
    """Where counts go. A series exists, at 0, from the first time that it is asked for."""

    def counter(self, name: str, *labels: str) -> Counter:
        """Return one series of a counter; KeyError where no counter has that name."""

    def gauge(self, name: str, *labels: str) -> Gauge:
        """Return one series of a gauge; KeyError where no gauge has that name."""

    def histogram(self, name: str, *labels: str) -> Histogram:
        """Return one series of a histogram; KeyError where no histogram has that name."""
