"""
Messages: what a body says, cut as it is kept, and put together as it is read.

Knows content types; knows neither logs nor HTTP.
"""

import msgspec

from sse_observe.reference.durable_streams.facts import Facts
from sse_observe.reference.replies import RefusedError

_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode
_check = msgspec.json.Decoder().decode


def messages_of(facts: Facts, body: bytes, *, creates: bool = False) -> list[bytes]:
    """Return the messages of a body: the elements of a JSON array are one each."""
    if not facts.is_json:
        return [body] if body else []
    try:
        # Checked as a whole first: what is raw is not read.
        _check(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RefusedError(400, "the body is no JSON") from None
    stripped = body.strip()
    if not stripped.startswith(b"["):
        return [stripped]
    found = [bytes(one) for one in _raw(stripped)]
    if not found and not creates:
        raise RefusedError(400, "an empty array says nothing; give at least one element")
    return found


def joined(facts: Facts, frames: tuple[bytes, ...]) -> bytes:
    """Return messages as one body."""
    if facts.is_json:
        return b"[" + b",".join(frames) + b"]"
    return b"".join(frames)


def first_part(facts: Facts, frames: tuple[bytes, ...], amount: int) -> list[bytes]:
    """Return the first messages (JSON), or bytes; refuse more than there are."""
    if facts.is_json:
        if amount > len(frames):
            raise RefusedError(400, "Stream-Fork-Sub-Offset lies behind the stream's end")
        return list(frames[:amount])
    found, left = [], amount
    for frame in frames:
        if not left:
            break
        found.append(frame[:left])
        left -= len(found[-1])
    if left:
        raise RefusedError(400, "Stream-Fork-Sub-Offset lies behind the stream's end")
    return found
