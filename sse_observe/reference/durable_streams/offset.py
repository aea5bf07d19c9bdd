"""
Offsets: a position and the log in which it stands, as one opaque value.

Kept apart, an old position would one day be read in a new log that took the old one's place.
Knows text.
"""

import re
import secrets
from dataclasses import dataclass

# Both parts have as many digits as the draft's own server writes, so that offsets sort as text.
_FORM = re.compile(r"([0-9]{1,16})_([0-9]{1,16})").fullmatch
_EPOCHS = 10**16


@dataclass(frozen=True, slots=True, order=True)
class Offset:
    """The number of messages before a place in a log, and the log's epoch."""

    position: int
    epoch: int

    def __str__(self) -> str:
        """Return the offset as clients get it."""
        return f"{self.position:016d}_{self.epoch:016d}"


def new_epoch() -> int:
    """Return an epoch that no log had before, but for one chance in ten thousand billions."""
    return secrets.randbelow(_EPOCHS - 1) + 1


def parse_offset(text: str) -> Offset | None:
    """Return what an offset says, or None for what no server of ours has written."""
    found = _FORM(text)
    return Offset(int(found[1]), int(found[2])) if found else None
