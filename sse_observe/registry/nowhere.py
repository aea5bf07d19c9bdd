"""The sink of a process that cannot show its numbers: it takes them, and keeps none."""

from collections.abc import Mapping, Sequence

from sse_observe.registry.sink import Counter, Gauge, Histogram


class Nothing:
    """A series of any kind that nobody reads."""

    def inc(self, amount: float = 1) -> None:
        """Take an amount."""

    def set(self, value: float) -> None:
        """Take a value."""

    def observe(self, value: float) -> None:
        """Take an observation."""

    def add(self, counts: Sequence[int], total: float) -> None:
        """Take many observations."""

    def exemplify(self, value: float, labels: Mapping[str, str]) -> None:
        """Take an example."""


NOTHING = Nothing()


class Nowhere:
    """A sink for numbers that have no place."""

    def counter(self, name: str, *labels: str) -> Counter:  # noqa: ARG002
        """Return a counter that keeps nothing."""
        return NOTHING

    def gauge(self, name: str, *labels: str) -> Gauge:  # noqa: ARG002
        """Return a gauge that keeps nothing."""
        return NOTHING

    def histogram(self, name: str, *labels: str) -> Histogram:  # noqa: ARG002
        """Return a histogram that keeps nothing."""
        return NOTHING
