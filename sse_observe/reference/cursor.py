"""
The names that streams and events go by: minted here, and read back from strangers.

Knows text; knows no stream. Whether an epoch exists, and whether a seq was ever sent, is for
the caller to find out.
"""

import re
import secrets
from dataclasses import dataclass

from sse_observe.contract import parse_event_id

# A header of more bytes, or of unusual ones, makes a browser ask for permission first (CORS).
_LONGEST = 128
# -1: greeted, but nothing came; a client that sends it is resuming, and is not counted as a
# stream of its own.
_BARE = re.compile("-1|[0-9]{1,15}")
# One for each value of a byte, so that all of them come equally often.
_LETTERS = b"abcdefghijklmnopqrstuvwxyz234567" * 8


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last event that a reader handled; a bare integer has no epoch."""

    seq: int
    epoch: str | None = None


def parse_cursor(text: str) -> Cursor | None:
    """Return the cursor that a reader sent, or None for what we cannot have minted."""
    if len(text) > _LONGEST:
        return None
    if _BARE.fullmatch(text):
        return Cursor(int(text))
    found = parse_event_id(text)
    return Cursor(found.seq, found.epoch) if found else None


def new_epoch() -> str:
    """Return 80 random bits as 16 characters: short in every event, beyond guessing."""
    return secrets.token_bytes(16).translate(_LETTERS).decode()


def new_stream_id() -> str:
    """Return 128 random bits that stand in a URL as they are."""
    return secrets.token_urlsafe(16)
