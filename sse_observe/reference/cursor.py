"""
Event ids of the stream contract: `<seq>-<epoch>`, minted here and read back from strangers.

Knows text; knows no stream. Whether an epoch exists, and whether a seq was ever sent, is for
the caller to find out.
"""

import re
import secrets
from base64 import b32encode
from dataclasses import dataclass

# A header of more bytes, or of odd ones, makes a browser ask for permission first (CORS).
_LONGEST = 128
# 15 digits: the integers that a JavaScript reader holds exactly. -1: greeted, but nothing came;
# a client that says so is resuming, and is not counted as a stream of its own.
_FORM = re.compile(r"(-1|[0-9]{1,15})(?:-([0-9a-z]{1,64}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last event that a reader handled; a bare integer has no epoch."""

    seq: int
    epoch: str | None = None


def parse_cursor(text: str) -> Cursor | None:
    """Return the cursor that a reader sent, or None for what we cannot have minted."""
    if len(text) > _LONGEST:
        return None
    form = _FORM.fullmatch(text)
    return Cursor(int(form[1]), form[2]) if form else None


def event_id(seq: int, epoch: str) -> str:
    """Return the id of one event."""
    return f"{seq}-{epoch}"


def new_epoch() -> str:
    """Return 80 random bits as 16 characters: short in every event, beyond guessing."""
    return b32encode(secrets.token_bytes(10)).decode().lower()


def new_stream_id() -> str:
    """Return 128 random bits that stand in a URL as they are."""
    return secrets.token_urlsafe(16)
