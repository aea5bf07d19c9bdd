"""The consumer's requests on a real wire, byte for byte: what is sent, how often, and to whom."""

import asyncio
import gzip
import logging
import ssl
import subprocess
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics
from sse_observe.consumer import (
    Event,
    Gap,
    ResumedStream,
    StreamFailedError,
    aiohttp_transport,
    resume_stream,
)
from sse_observe.errors import SSEObserveError
from tests.support.raw_server import OPEN, RawServer, chunked, header, reset, serving, sized

pytestmark = pytest.mark.slow

DONE = b"event: done\ndata: {}\n\n"
WORD = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
HELLO = b'event: sse.hello\ndata: {"stream":"s1"}\n\n'


def run(main: Coroutine[Any, Any, Any]) -> Any:
    async def within() -> Any:
        async with asyncio.timeout(60):
            return await main

    return asyncio.run(within())


async def soon(_: float) -> None:
    await asyncio.sleep(0.01)


def reading(url: str, **options: Any) -> ResumedStream:
    options.setdefault("sleep", soon)
    return resume_stream(url, metrics=SSEMetrics(CollectorRegistry()), **options)


async def read(url: str, **options: Any) -> list[Event | Gap]:
    return [item async for item in reading(url, **options)]


async def cut_by_reset(writer: asyncio.StreamWriter) -> None:
    writer.write(chunked(WORD, ends=False))
    await writer.drain()
    reset(writer)


@pytest.mark.parametrize(
    ("script", "is_whole"),
    [
        (chunked(WORD), True),
        (sized(WORD), True),
        (OPEN + WORD, True),
        (chunked(WORD, ends=False), False),
        (sized(WORD, len(WORD) + 1), False),
        (cut_by_reset, False),
        (b"", False),
    ],
    ids=["chunked", "sized", "closed", "chunked-cut", "sized-cut", "reset", "nothing"],
)
def test_a_post_is_whole_where_http_says_so_and_sent_once(script: Any, is_whole: bool) -> None:
    """HTTP's own end of an answer, or the connection's where it has no other."""

    async def main() -> None:
        server = RawServer(script)
        async with serving(server) as url:
            if is_whole:
                assert len(await read(url, json={"q": 1})) == 1
            else:
                with pytest.raises(StreamFailedError) as failure:
                    await read(url, json={"q": 1})
                assert failure.value.reason == "interrupted"
        assert len(server.asked) == 1
        assert server.asked[0].startswith(b"POST /s HTTP/1.1\r\n")
        assert server.asked[0].endswith(b'\r\n\r\n{"q":1}')

    run(main())


def test_no_pool_sends_a_post_again_on_a_stale_connection() -> None:
    """A kept connection may be closed as the request is on its way: it may have arrived."""

    async def hang_up(writer: asyncio.StreamWriter) -> None:
        reset(writer)

    async def main() -> None:
        server = RawServer(chunked(WORD), hang_up, chunked(WORD), keeps_open=True)
        async with serving(server) as url, aiohttp.ClientSession() as session:
            transport = aiohttp_transport(session)
            await read(url, json={}, transport=transport)
            with pytest.raises(StreamFailedError):
                await read(url, json={}, transport=transport)
        assert len(server.asked) == 2

    run(main())


def test_a_named_post_is_resumed_by_get_and_a_key_repeats_it() -> None:
    """Each attempt carries what the caller gave, and the body only where it is a POST."""

    async def main() -> None:
        server = RawServer(
            chunked(HELLO, b"id: 7\ndata: a\n\n", ends=False),
            b"HTTP/1.1 404 Gone\r\ncontent-length: 0\r\n\r\n",
            chunked(b"id: 7\ndata: a\n\n", b"id: 8\ndata: b\n\n", DONE),
        )
        async with serving(server) as url:
            key = {"X-Api-Key": "k"}
            items = await read(f"{url}?v=1", json={}, headers=key, idempotency_key="i-1")
        first, second, third = server.asked

        assert [item.data for item in items if isinstance(item, Event)] == ["a", "b"]
        assert first.startswith(b"POST /s?v=1 ")
        assert second.startswith(b"GET /s?v=1&stream_id=s1 ")
        assert header(second, "last-event-id") == "7"
        assert header(second, "content-type") is header(second, "content-length") is None
        assert third.startswith(b"POST /s?v=1 ")
        assert [header(each, "idempotency-key") for each in (first, third)] == ["i-1", "i-1"]
        assert {header(each, "x-api-key") for each in server.asked} == {"k"}

    run(main())


@pytest.mark.parametrize("own_session", [False, True])
def test_nothing_of_the_callers_follows_a_redirect_to_another_host(own_session: bool) -> None:
    """Neither headers, nor a session's headers, cookies and credentials, nor those in the URL."""

    async def main() -> None:
        there = RawServer(chunked(DONE))
        async with serving(there, "127.0.0.2") as target:
            moved = f"HTTP/1.1 302 F\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n"
            here = RawServer(moved.encode())
            async with serving(here) as url:
                options: dict[str, Any] = {"headers": {"X-Api-Key": "S1", "Cookie": "a=S2"}}
                session = aiohttp.ClientSession(
                    headers={"X-Session": "S3", "Authorization": "S4"}, cookies={"c": "S5"}
                )
                async with session:
                    if own_session:
                        await read(url, transport=aiohttp_transport(session), **options)
                    else:
                        await read(url.replace("://", "://user:S6@"), **options)
                    assert not session.closed
        (sent,) = there.asked

        assert b"S1" in here.asked[0]
        assert not [secret for secret in (b"S1", b"S2", b"S3", b"S4", b"S5") if secret in sent]
        assert header(sent, "authorization") is None
        assert header(sent, "accept") == "text/event-stream"

    run(main())


def test_a_compressed_stream_is_read_through_any_session() -> None:
    """Aiohttp's own unpacking, where a session has it on, does not get in the way."""

    async def main() -> None:
        body = gzip.compress(b"id: 1\ndata: a\n\n" + DONE)
        server = RawServer(chunked(*(bytes([b]) for b in body), more=b"content-encoding: gzip\r\n"))
        async with serving(server) as url, aiohttp.ClientSession() as session:
            for transport in (None, aiohttp_transport(session)):
                (event,) = await read(url, transport=transport)
                assert isinstance(event, Event)
                assert event.data == "a"

    run(main())


def test_an_id_of_any_script_is_sent_back_as_it_came() -> None:
    """The header is UTF-8, as the standard says; what cannot stand there is left out."""

    async def main() -> None:
        server = RawServer(
            chunked("id: é漢\ndata: a\n\n".encode(), b"id: a\x01b\ndata: b\n\n"),
            chunked(DONE),
        )
        async with serving(server) as url:
            assert len(await read(url)) == 2
        assert header(server.asked[1], "last-event-id") == "é漢"

    run(main())


@pytest.mark.parametrize(
    "script",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 302 F\r\nlocation: ftp://u:PASSW0RD@h/?SECRET\r\ncontent-length: 0\r\n\r\n",
        chunked(b"data: x", more=b"content-encoding: br\r\n"),
        chunked(b'event: error\ndata: {"message":"m"}\n\n'),
    ],
)
def test_no_error_repeats_what_is_secret_in_a_url(
    script: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither its text nor its log line nor its cause."""

    async def main() -> None:
        server = RawServer(script)
        async with serving(server) as url:
            secret = url.replace("://", "://user:PASSW0RD@") + "?tok=SECRET"
            with caplog.at_level(logging.DEBUG), pytest.raises(SSEObserveError) as failure:
                await read(secret, max_retries=1)
        error: BaseException | None = failure.value
        while error is not None:
            assert "PASSW0RD" not in str(error)
            assert "SECRET" not in str(error)
            error = error.__cause__
        assert "PASSW0RD" not in caplog.text
        assert "SECRET" not in caplog.text

    run(main())


def test_a_name_that_nobody_has_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """It may exist one day; until then the log says what is missing."""

    async def main() -> None:
        with pytest.raises(StreamFailedError, match="gave up after 2 attempts") as failure:
            await read("http://no-such-host.invalid/events", max_retries=2)
        assert failure.value.reason == "retries"
        with pytest.raises(StreamFailedError, match=r"no-such-host\.invalid") as failure:
            await read("http://no-such-host.invalid/events", json={})
        assert failure.value.reason == "unreachable"

    run(main())
    (line,) = {record.getMessage() for record in caplog.records if record.name == "sse_observe"}
    assert line.startswith("http://no-such-host.invalid/events: Cannot connect")
    assert line.endswith("; asking again")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """Return a certificate of our own making, and a server's context with it."""
    home = tmp_path_factory.mktemp("tls")
    key, certificate = home / "key.pem", home / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


def test_a_certificate_that_cannot_be_trusted_is_told_at_once(
    tls: tuple[Path, ssl.SSLContext],
) -> None:
    """By GET and by POST; with the caller's own trust it is read."""
    certificate, context = tls

    async def main() -> None:
        async with serving(RawServer(chunked(WORD, DONE)), tls=context) as url:
            for options in ({}, {"json": {}}):
                with pytest.raises(StreamFailedError, match="self-signed certificate") as failure:
                    await read(url, **options)
                assert failure.value.reason == "unreachable"
            trust = ssl.create_default_context(cafile=str(certificate))
            connector = aiohttp.TCPConnector(ssl=trust)
            async with aiohttp.ClientSession(connector=connector) as session:
                assert len(await read(url, transport=aiohttp_transport(session))) == 1

    run(main())


@pytest.mark.parametrize("how", ["close", "drop", "cancel"])
def test_whoever_stops_leaves_no_connection(how: str) -> None:
    """The server sees its client leave, whatever the client did."""

    async def hold(writer: asyncio.StreamWriter) -> None:
        writer.write(chunked(WORD, ends=False))
        while True:
            await asyncio.sleep(0.02)
            writer.write(b"2\r\n:\n\r\n")
            await writer.drain()

    async def main() -> None:
        server = RawServer(hold)
        async with serving(server) as url:
            stream: ResumedStream | None = reading(url)
            assert stream is not None
            await anext(stream)
            if how == "close":
                await stream.aclose()
            elif how == "cancel":
                waiting = asyncio.create_task(anext(stream))  # type: ignore[arg-type]
                await asyncio.sleep(0.05)
                waiting.cancel()
                await asyncio.wait([waiting])
                # Its exception knows where it was raised, and so the stream.
                del waiting
            stream = None
            await server.left.wait()

    run(main())


def test_a_wait_that_is_given_up_loses_no_event() -> None:
    """Over a real connection, with events that come one by one."""

    async def slowly(writer: asyncio.StreamWriter) -> None:
        writer.write(OPEN)
        for n in range(6):
            await asyncio.sleep(0.05)
            writer.write(b"id: %d\ndata: %d\n\n" % (n, n))
        writer.write(DONE)
        await writer.drain()

    async def main() -> None:
        server = RawServer(slowly)
        got, given_up = [], 0
        async with serving(server) as url:
            stream = reading(url)
            while True:
                try:
                    item = await asyncio.wait_for(anext(stream), 0.03)
                except TimeoutError:
                    given_up += 1
                except StopAsyncIteration:
                    break
                else:
                    assert isinstance(item, Event)
                    got.append(item.data)
        assert got == [str(n) for n in range(6)]
        assert given_up
        assert len(server.asked) == 1

    run(main())
