"""Content encodings, undone piece by piece: what a flushed compressor sent can be read at once."""

import zlib
from collections.abc import Callable
from typing import Protocol

import brotli

from sse_observe.errors import SSEObserveError

# What we ask for where we ask for compression: what every browser can read.
ENCODINGS = "gzip, deflate, br"
# A body that grows a thousandfold is no stream: it is aimed at whoever reads it.
_MOST_PER_PIECE = 8 << 20
_GROWS = "a few compressed bytes grow to more than 8 MB"


class DecodingError(SSEObserveError):
    """A body that is not what its encoding says, or grows without bound."""


class Decoder(Protocol):
    """Bytes of the wire in, bytes of the body out."""

    def __call__(self, data: bytes) -> bytes:
        """Return what these bytes complete."""


def decoder(encoding: str) -> Decoder | None:
    """Return a new decoder for an encoding; None for one that we cannot read."""
    made = _MAKERS.get(encoding.strip().lower())
    return made() if made else None


def _identity() -> Decoder:
    return lambda data: data


def _inflater(wbits: int) -> Callable[[], Decoder]:
    def make() -> Decoder:
        inflate = zlib.decompressobj(wbits)

        def decode(data: bytes) -> bytes:
            try:
                found = inflate.decompress(data, _MOST_PER_PIECE)
            except zlib.error:
                raise DecodingError("the body is not compressed as its header says") from None
            if inflate.unconsumed_tail:
                raise DecodingError(_GROWS)
            return found

        return decode

    return make


def _brotli() -> Decoder:
    decompress = brotli.Decompressor()

    def decode(data: bytes) -> bytes:
        try:
            found = bytes(decompress.process(data, output_buffer_limit=_MOST_PER_PIECE))
        except brotli.error:
            raise DecodingError("the body is not compressed as its header says") from None
        if not decompress.can_accept_more_data():
            raise DecodingError(_GROWS)
        return found

    return decode


_MAKERS: dict[str, Callable[[], Decoder]] = {
    "": _identity,
    "identity": _identity,
    # Said on purpose, so that compressors keep away; browsers read it as it is.
    "none": _identity,
    "gzip": _inflater(31),
    "x-gzip": _inflater(31),
    # Some send raw deflate under this name; so few that one form will do.
    "deflate": _inflater(15),
    "br": _brotli,
}
