"""A proxy that cuts connections: everything passes until the cut, which both ends see."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sse_observe.lab.programs.cutting_proxy import CuttingProxy, Lifetime, dial_port


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send everything back."""
    try:
        while chunk := await reader.read(100):
            writer.write(chunk)
    except OSError:
        pass
    finally:
        writer.close()


def through(
    talk: Callable[[CuttingProxy, int], Awaitable[bytes]], lifetime: Lifetime = lambda: None
) -> bytes:
    """Talk to an echo behind a proxy."""

    async def run() -> bytes:
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            dial = dial_port(server.sockets[0].getsockname()[1])
            async with CuttingProxy(dial, lifetime) as proxy, asyncio.timeout(30):
                return await talk(proxy, int(proxy.url.rsplit(":", 1)[1]))

    return asyncio.run(run())


def test_bytes_pass_in_both_directions_to_the_end() -> None:
    """A connection without a lifetime ends when its client says so."""

    async def talk(_: CuttingProxy, port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello")
        writer.write_eof()
        heard = await reader.read()
        writer.close()
        return heard

    assert through(talk) == b"hello"


@pytest.mark.parametrize("by_age", [True, False])
def test_a_connection_is_cut_by_its_age_or_on_demand(by_age: bool) -> None:
    """The client had no end in mind, and has nothing more to read."""

    async def talk(proxy: CuttingProxy, port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello")
        assert await reader.read(5) == b"hello"
        if not by_age:
            proxy.cut()
        rest = await reader.read()
        writer.close()
        return rest

    assert through(talk, lambda: 0.2 if by_age else None) == b""


def test_a_connection_with_nobody_behind_it_is_cut_at_once() -> None:
    """The client learns that there is nothing, and the proxy goes on."""

    async def run() -> None:
        async with CuttingProxy(dial_port(1)) as proxy, asyncio.timeout(30):
            port = int(proxy.url.rsplit(":", 1)[1])
            for _ in range(2):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                assert await reader.read() == b""
                writer.close()

    asyncio.run(run())
