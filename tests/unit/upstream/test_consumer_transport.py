"""The transport of `resume_stream`, observed: each connection is one consumed stream."""

import asyncio

import pytest

from sse_observe.consumer import StreamFailedError, aiohttp_transport, resume_stream
from sse_observe.upstream import observe_client
from tests.support.raw_server import OPEN, RawServer, chunked, serving
from tests.support.upstreams import CHUNK, FAILURE, WHOLE, ends


def read(metrics, *scripts, most: int | None = None, **options) -> list[str]:
    """Read a stream, or so many of its events."""

    async def main() -> list[str]:
        found: list[str] = []
        async with serving(RawServer(*scripts)) as url:
            transport = observe_client(aiohttp_transport(), "feed", metrics=metrics)
            stream = resume_stream(url, transport=transport, metrics=metrics, **options)
            async with stream:
                async for event in stream:
                    found.append(event.data)
                    if len(found) == most:
                        break
        return found

    return asyncio.run(main())


async def _silent(writer: asyncio.StreamWriter) -> None:
    writer.write(OPEN + CHUNK)
    await asyncio.sleep(60)


def test_a_stream_over_two_connections_is_two_streams(metrics) -> None:
    """The first is cut, the second brings the end."""
    first = chunked(b"id: 1\ndata: a\n\n", ends=False)
    second = chunked(b"id: 2\ndata: b\n\nevent: done\ndata: {}\n\n")

    assert read(metrics, first, second) == ["a", "b"]
    assert ends(metrics, "feed") == {"completed": 1, "cut": 1, "opened": 2}


def test_an_answer_s_ends_are_those_of_any_client(metrics) -> None:
    """Whole, failed in its own words, or left by its reader."""
    question = {"json": {"stream": True}}
    read(metrics, chunked(*WHOLE), **question)
    with pytest.raises(StreamFailedError):
        read(metrics, chunked(CHUNK, FAILURE), **question)
    read(metrics, _silent, most=1, **question)

    assert ends(metrics, "feed") == {"completed": 1, "error_event": 1, "abandoned": 1, "opened": 3}


def test_a_silence_beyond_the_limit_is_a_timeout(metrics) -> None:
    """The consumer gives up its read, and then the connection."""
    with pytest.raises(StreamFailedError):
        read(metrics, _silent, json={"stream": True}, stall_seconds=0.1)

    assert ends(metrics, "feed") == {"timeout": 1, "opened": 1}


def test_refusals_and_a_port_where_nobody_listens_are_counted(metrics) -> None:
    """Each attempt once."""
    refusal = b"HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\n\r\n"
    with pytest.raises(StreamFailedError):
        read(metrics, refusal, json={"stream": True})

    async def nobody() -> None:
        async with serving(RawServer(b"")) as url:
            pass
        transport = observe_client(aiohttp_transport(), "feed", metrics=metrics)
        with pytest.raises(StreamFailedError):
            await anext(resume_stream(url, transport=transport, metrics=metrics, max_retries=0))

    asyncio.run(nobody())
    assert ends(metrics, "feed") == {"refused_5xx": 1, "unreachable": 1}
