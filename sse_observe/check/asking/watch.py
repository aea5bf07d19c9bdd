"""How long one answer is watched, and how much of it: every exchange is bounded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from sse_observe.check.asking.recording import Recording

MOST_BYTES = 8 << 20
"""A stream that sends more within a check is read no further."""


class Pause(NamedTuple):
    """A reader that stops reading for a while, as a phone in a tunnel does."""

    after: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Watch:
    """
    The bounds of one exchange, in seconds since its request was begun.

    `until` is asked after each arrival when to stop, `seconds` is the most whatever it says.
    """

    seconds: float
    until: Callable[[Recording], float] | None = None
    most_bytes: int = MOST_BYTES
    pause: Pause | None = None
    until_closed: bool = False
    """Whether to wait, after the answer, until the server hangs up: then nothing runs on."""

    def end(self, recording: Recording) -> float:
        """Return when to stop, as far as it is known now."""
        if self.until is None:
            return self.seconds
        return min(self.seconds, self.until(recording))
