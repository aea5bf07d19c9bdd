"""Sessions of aiohttp, observed: every way to read a body, and every end."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from sse_observe.errors import SettingsError
from sse_observe.upstream import observe_client
from tests.support.raw_server import OPEN, RawServer, Script, chunked, serving, sized
from tests.support.upstreams import ASKS, CHUNK, FAILURE, STOP, WHOLE, ends, value

Reads = Callable[[Any], Awaitable[bytes]]
TEXT = b"".join(WHOLE)


def read(metrics, script: Script, how: Reads, **options: Any) -> bytes:
    """Ask an upstream once, and read its answer in some way."""

    async def main() -> bytes:
        async with serving(RawServer(script)) as url, aiohttp.ClientSession(**options) as session:
            assert observe_client(session, "model", metrics=metrics) is session
            async with session.post(url, json=ASKS) as response:
                return await how(response)

    return asyncio.run(main())


async def whole(response: Any) -> bytes:
    """Read all at once."""
    return await response.read()


async def lines(response: Any) -> bytes:
    """Read line by line."""
    return b"".join([line async for line in response.content])


async def chunks(response: Any) -> bytes:
    """Read chunks as they were sent."""
    return b"".join([chunk async for chunk, _ in response.content.iter_chunks()])


async def arrivals(response: Any) -> bytes:
    """Read what arrives."""
    return b"".join([chunk async for chunk in response.content.iter_any()])


async def pieces(response: Any) -> bytes:
    """Read pieces of a size."""
    return b"".join([piece async for piece in response.content.iter_chunked(7)])


async def events(response: Any) -> bytes:
    """Read to each blank line."""
    found = b""
    while event := await response.content.readuntil(b"\n\n"):
        found += event
    return found


async def exactly(response: Any) -> bytes:
    """Read more than there is."""
    try:
        return await response.content.readexactly(10**6)
    except asyncio.IncompleteReadError as error:
        return error.partial


@pytest.mark.parametrize("how", [whole, lines, chunks, arrivals, pieces, events, exactly])
@pytest.mark.parametrize(
    "script", [chunked(*WHOLE), sized(TEXT), OPEN + TEXT], ids=["chunked", "sized", "open"]
)
def test_whoever_reads_to_the_end_has_all_bytes_and_one_end(metrics, how, script) -> None:
    """However a body is read, and however its length is told."""
    assert read(metrics, script, how) == TEXT

    assert ends(metrics) == {"completed": 1, "opened": 1}
    assert value(metrics, "sse_upstream_bytes_total", upstream="model") == len(TEXT)
    assert value(metrics, "sse_upstream_events_total", upstream="model") == 4


@pytest.mark.parametrize(
    ("script", "reason", "error"),
    [
        (chunked(CHUNK, ends=False), "cut", aiohttp.ClientPayloadError),
        (sized(CHUNK, 10_000), "cut", aiohttp.ClientPayloadError),
        (chunked(CHUNK, FAILURE), "error_event", None),
        (chunked(CHUNK, FAILURE, ends=False), "error_event", aiohttp.ClientPayloadError),
        (chunked(STOP), "empty", None),
    ],
)
def test_each_end_is_counted_and_each_error_stays(metrics, script, reason, error) -> None:
    """The stream's own word goes before how its connection ended."""
    if error is None:
        read(metrics, script, arrivals)
    else:
        with pytest.raises(error):
            read(metrics, script, arrivals)

    assert ends(metrics) == {reason: 1, "opened": 1}


async def _silent(writer: asyncio.StreamWriter) -> None:
    writer.write(OPEN + CHUNK)
    await asyncio.sleep(60)


def test_a_silence_that_the_session_gives_up_on_is_a_timeout(metrics) -> None:
    """Its own limit for a read has passed."""
    limit = aiohttp.ClientTimeout(total=None, sock_read=0.05)
    with pytest.raises(TimeoutError):
        read(metrics, _silent, arrivals, timeout=limit)

    assert ends(metrics) == {"timeout": 1, "opened": 1}


def test_a_read_that_is_given_up_ends_nothing(metrics) -> None:
    """A reader that waits for a second at a time, and sends heartbeats, goes on reading."""

    async def slow(writer: asyncio.StreamWriter) -> None:
        writer.write(OPEN + CHUNK)
        await asyncio.sleep(0.1)
        writer.write(b"".join(WHOLE[1:]))

    async def waiting(response: Any) -> bytes:
        found = await response.content.readany()
        while not response.content.at_eof():
            try:
                found += await asyncio.wait_for(response.content.readany(), 0.03)
            except TimeoutError:
                continue
        return found + await response.content.read()

    assert read(metrics, slow, waiting) == TEXT
    assert ends(metrics) == {"completed": 1, "opened": 1}


def test_a_stream_that_is_left_or_dropped_is_abandoned(metrics) -> None:
    """By the end of its block, by `close()`, or by the garbage collector."""

    async def first(response: Any) -> bytes:
        return await response.content.readany()

    async def closed(response: Any) -> bytes:
        response.close()
        return b""

    async def dropped() -> None:
        async with serving(RawServer(_silent)) as url, aiohttp.ClientSession() as session:
            observe_client(session, "model", metrics=metrics)
            await session.post(url, json=ASKS)
            gc.collect()

    read(metrics, _silent, first)
    read(metrics, _silent, closed)
    asyncio.run(dropped())
    gc.collect()

    assert ends(metrics) == {"abandoned": 3, "opened": 3}


@pytest.mark.parametrize("raises", [False, True])
def test_a_refusal_is_counted_once_whether_it_raises_or_not(metrics, raises) -> None:
    """Sessions may make errors of statuses."""
    script = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\n\r\n{}"
    if raises:
        with pytest.raises(aiohttp.ClientResponseError):
            read(metrics, script, whole, raise_for_status=True)
    else:
        assert read(metrics, script, whole) == b"{}"

    assert ends(metrics) == {"refused_429": 1}


def test_nobody_there_is_unreachable_where_a_stream_was_to_be_expected(metrics) -> None:
    """The body tells it, and no body was sent: then what this session was sent before tells it."""

    async def main() -> None:
        async with aiohttp.ClientSession() as session:
            observe_client(session, "model", metrics=metrics)
            async with serving(RawServer(chunked(*WHOLE))) as url:
                pass
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.post(url, json=ASKS)
            assert ends(metrics) == {}
            async with (
                serving(RawServer(chunked(*WHOLE))) as served,
                session.post(served, json=ASKS) as response,
            ):
                await response.read()
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.post(url, json=ASKS)

    asyncio.run(main())
    assert ends(metrics) == {"completed": 1, "opened": 1, "unreachable": 1}


def test_observed_twice_is_observed_once(metrics) -> None:
    """Another name is a mistake, in one line."""

    async def main() -> None:
        async with serving(RawServer(chunked(*WHOLE))) as url, aiohttp.ClientSession() as session:
            observe_client(session, "model", metrics=metrics)
            observe_client(session, "model", metrics=metrics)
            async with session.post(url, json=ASKS) as response:
                await response.read()
            with pytest.raises(SettingsError, match="observed as 'model' already"):
                observe_client(session, "other-model", metrics=metrics)

    asyncio.run(main())
    assert ends(metrics) == {"completed": 1, "opened": 1}
