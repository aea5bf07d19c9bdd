"""
Compressed bodies, which we never ask for and some servers send all the same.

A body is unpacked as it arrives, in bounded pieces: a few bytes may become a thousand times more.
"""

import zlib
from collections.abc import AsyncIterator

# The scanner looks for an event that is too large after each piece.
_MOST_BYTES = 256 * 1024
_KNOWN = {"gzip", "x-gzip", "deflate"}
# zlib tells gzip from deflate by the header.
_AUTOMATIC = 32 + zlib.MAX_WBITS


class UnreadableError(Exception):
    """A body of an encoding that we do not know, or that is not what it says."""


def unpacked(chunks: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """Return a body as it was before it was compressed; UnreadableError for unknown encodings."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return chunks
    if name not in _KNOWN:
        raise UnreadableError(f"its body is compressed by {encoding!r}, which was not asked for")
    return _inflated(chunks)


async def _inflated(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    inflater = zlib.decompressobj(_AUTOMATIC)
    async for chunk in chunks:
        rest, is_full = chunk, False
        while rest or is_full:
            if inflater.eof:
                # Another member follows, as where each flush is a file of its own.
                inflater = zlib.decompressobj(_AUTOMATIC)
            try:
                piece = inflater.decompress(rest, _MOST_BYTES)
            except zlib.error as error:
                raise UnreadableError(f"its compressed body is broken ({error})") from None
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            is_full = len(piece) == _MOST_BYTES
            if piece:
                yield piece
