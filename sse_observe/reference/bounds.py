"""
The bounds of a store: how much it may hold, stated once for every kind of store.

Knows numbers; holds nothing.
"""

from dataclasses import asdict, dataclass

from sse_observe.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    The most that a store holds.

    `max_events`, `max_bytes` and `max_age_seconds` are of one stream, `idle_seconds` is how
    long one that nobody reads stays, `max_streams` how many there are at once.
    """

    max_streams: int
    max_events: int
    max_bytes: int
    max_age_seconds: float
    idle_seconds: float

    def check(self, store: str) -> None:
        """Raise SettingsError for a bound that holds nothing."""
        for name, value in asdict(self).items():
            if not value > 0:
                raise SettingsError(f"{store}: {name}={value!r} holds nothing; give more")
