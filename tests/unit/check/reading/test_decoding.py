"""Content encodings undone piece by piece."""

import gzip
import zlib

import brotli
import pytest

from sse_observe.check.reading.decoding import DecodingError, decoder


def test_a_flushed_piece_is_read_at_once() -> None:
    """A piece that a compressor flushed can be read before anything else comes."""
    deflate = zlib.compressobj(wbits=31)
    read = decoder("gzip")
    assert read is not None

    first = deflate.compress(b"data: a\n\n") + deflate.flush(zlib.Z_SYNC_FLUSH)

    assert read(first) == b"data: a\n\n"


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress)],
)
def test_every_encoding_that_we_accept_is_read(encoding: str, compress: object) -> None:
    """A body in one byte pieces is what it was."""
    read = decoder(encoding)
    assert read is not None
    assert callable(compress)
    body = b"data: some words\n\n" * 50

    assert b"".join(read(bytes([byte])) for byte in compress(body)) == body


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_a_bomb_is_refused(encoding: str) -> None:
    """A few bytes that grow to a hundred megabytes are not grown."""
    zeros = b"\0" * (100 << 20)
    bomb = gzip.compress(zeros, 9) if encoding == "gzip" else brotli.compress(zeros, quality=3)
    read = decoder(encoding)
    assert read is not None

    with pytest.raises(DecodingError, match="grow"):
        read(bomb)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_what_is_not_compressed_is_refused(encoding: str) -> None:
    """A header that lies is one line, and no traceback."""
    read = decoder(encoding)
    assert read is not None

    with pytest.raises(DecodingError, match="not compressed"):
        read(b"data: plain text, not compressed at all\n\n" * 10)


def test_an_unknown_encoding_has_no_decoder() -> None:
    """Whoever asks is told, and does not read bytes as text."""
    assert decoder("zstd") is None
