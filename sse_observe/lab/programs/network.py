"""A network that fails, between users and a service: a TCP proxy that cuts connections."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

Lifetime = Callable[[], float | None]
"""Says for each new connection after how many seconds it is cut; None leaves it whole."""
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial = Callable[[], Awaitable[Streams]]
"""Opens the connection behind a new one."""


def straight(port: int) -> Dial:
    """Return what dials a port on loopback."""
    return lambda: asyncio.open_connection("127.0.0.1", port)


class Network:
    """
    Passes bytes between loopback and what is dialled, and cuts what its time has come for.

    A cut is a reset in both directions, as a phone's change of networks looks to both ends.
    """

    def __init__(self, dial: Dial, lifetime: Lifetime) -> None:
        self._dial = dial
        self._lifetime = lifetime
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        if self._open:
            await asyncio.wait(self._open)

    def cut(self) -> None:
        """Cut every connection that is open now."""
        for task in tuple(self._open):
            task.cancel()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        there: asyncio.StreamWriter | None = None
        try:
            with suppress(OSError, TimeoutError, asyncio.CancelledError):
                back, there = await self._dial()
                async with asyncio.timeout(self._lifetime()):
                    await asyncio.gather(_pour(reader, there), _pour(back, writer))
        finally:
            for end in (writer, there):
                if end is not None:
                    end.transport.abort()


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while chunk := await source.read(65_536):
        sink.write(chunk)
        await sink.drain()
    with suppress(OSError):
        sink.write_eof()
