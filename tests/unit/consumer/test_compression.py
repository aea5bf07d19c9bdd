"""Compressed bodies: read however they are cut, refused where we cannot."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.consumer import StreamFailedError
from sse_observe.consumer.compression import UnreadableError, unpacked
from tests.support.scripted_server import DONE, Answer, Reading, Server, payload, words
from tests.support.virtual import run


async def arriving(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def pieces(chunks: Iterable[bytes], encoding: str) -> list[bytes]:
    async def main() -> list[bytes]:
        return [piece async for piece in unpacked(arriving(chunks), encoding)]

    return asyncio.run(main())


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(st.binary(max_size=500), st.integers(1, 40), st.booleans())
def test_a_body_is_the_same_however_it_is_packed_and_cut(
    body: bytes, size: int, in_members: bool
) -> None:
    """Gzip in one file or in several, and what HTTP calls deflate."""
    halves = [body[:100], body[100:]] if in_members else [body]
    zipped = b"".join(map(gzip.compress, halves))

    assert b"".join(pieces(cut(zipped, size), "GZIP")) == body
    assert b"".join(pieces(cut(zlib.compress(body), size), "deflate")) == body
    assert b"".join(pieces(cut(body, size), "identity")) == body


def test_what_was_flushed_is_handed_on_at_once() -> None:
    """A stream's events do not wait for its end."""
    packer = zlib.compressobj(wbits=31)
    chunks = [packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH) for text in (b"a", b"b")]

    assert pieces(chunks, "gzip") == [b"a", b"b"]


def test_a_few_bytes_become_many_in_bounded_pieces() -> None:
    """A bomb meets the limit of one event after each piece."""
    sizes = [len(piece) for piece in pieces([gzip.compress(bytes(10_000_000))], "gzip")]

    assert sum(sizes) == 10_000_000
    assert max(sizes) <= 256 * 1024


def test_a_broken_body_is_unreadable() -> None:
    """Text that calls itself gzip: a proxy changed the body, and not the head."""
    with pytest.raises(UnreadableError, match="broken"):
        pieces([b"data: x\n\n"], "gzip")


def test_a_compressed_stream_is_read() -> None:
    """A proxy that compresses whatever was asked for does no harm."""

    async def main() -> None:
        body = gzip.compress(payload(0) + payload(1) + DONE)
        headers = {"content-encoding": "gzip"}
        reading = await Reading(Server(Answer(*cut(body, 7), headers=headers))).all()

        assert reading.got == words(0, 1)

    run(main())


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br"])
def test_an_encoding_that_we_cannot_read_is_told(encoding: str) -> None:
    """Otherwise it would be an endless loop that looks alive."""

    async def main() -> None:
        server = Server(Answer(b"\x00\x01", headers={"content-encoding": encoding}))
        with pytest.raises(StreamFailedError, match=f"compressed by '{encoding}'") as failure:
            await Reading(server).all()

        assert failure.value.reason == "unreadable"
        assert len(server.asked) == 1

    run(main())
