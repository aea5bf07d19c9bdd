"""
How long to wait before the next attempt: 1, 2, 4 … 30 seconds, spread, never under what the
server asked for. Knows numbers only.
"""

from collections.abc import Callable

_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 30.0
# A server may ask for more than our cap, not for a day.
_LONGEST_FLOOR_SECONDS = 300.0
# One heartbeat: a server that accepts and drops at once must not be asked every second for ever.
_HEALTHY_SECONDS = 10.0


class Backoff:
    """The delays of one stream; `attempt` counts those since it was last healthy."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._floor = 0.0
        self.attempt = 0

    def floor(self, seconds: float) -> None:
        """Take the delay that the server asked for as the least one."""
        self._floor = min(max(seconds, 0.0), _LONGEST_FLOOR_SECONDS)

    def lived(self, seconds: float, events: int) -> None:
        """Forgive earlier attempts after a connection that really worked."""
        if seconds >= _HEALTHY_SECONDS and events:
            self.attempt = 0

    def next(self, at_least: float = 0.0) -> float:
        """Return the next delay; `at_least` is an answer's own Retry-After."""
        self.attempt += 1
        # Beyond the cap the exponent is of no interest, and would overflow one day.
        step = min(_FIRST_SECONDS * 2 ** min(self.attempt - 1, 10), _LONGEST_SECONDS)
        spread = step * (0.5 + self._random())
        floor = max(self._floor, min(at_least, _LONGEST_FLOOR_SECONDS))
        # Those who were asked to wait come back spread too, only never early.
        return spread if spread >= floor else floor * (1 + 0.5 * self._random())
