"""Bytes that are nearly right: changed, cut, doubled and swapped, from a seed."""

import random

_STRANGE = (b"-", b"9" * 30, b"1e9", b"null", b'"', b"\0", b"{", b"[" * 50, b"\r", b"\n", b"\xff")


def mutate(body: bytearray, chance: random.Random) -> bytes:
    """Return a body with some of its bytes changed, cut, doubled or swapped."""
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(body) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            body[at:at] = bytes([chance.randrange(256)])
        elif kind == 1:
            del body[at : at + chance.randint(1, 20)]
        elif kind == 2:
            body[at:at] = body[at : at + chance.randint(1, 300)] * chance.randint(1, 9)
        elif kind == 3:
            body[at : at + 1] = chance.choice(_STRANGE)
        elif body:
            body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    return bytes(body)
