"""A TCP proxy that cuts connections, as a phone's change of networks does."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial = Callable[[], Awaitable[Connection]]
"""Opens the connection behind a new one."""
Lifetime = Callable[[], float | None]
"""Returns for each new connection after how many seconds it is cut; None: never."""
Delay = Callable[[], float]
"""Returns for each piece that comes back how many seconds it is held up."""


def dial_port(port: int) -> Dial:
    """Return a function that connects to a port on loopback."""
    return lambda: asyncio.open_connection("127.0.0.1", port)


class CuttingProxy:
    """
    Passes bytes between a port on loopback and what `dial` connects to, until the cut.

    A cut closes both connections at once, in the middle of whatever is on its way. With `tls` it
    speaks that to whoever connects.
    """

    def __init__(
        self,
        dial: Dial,
        lifetime: Lifetime = lambda: None,
        *,
        delay: Delay | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._dial = dial
        self._delay = delay
        self._tls = tls
        self._lifetime = lifetime
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0, ssl=self._tls)
        self.url = (
            f"http{'s' if self._tls else ''}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._opening is not None:
            await self._opening
        self.close()
        if self._open:
            await asyncio.wait(self._open)

    def close(self) -> None:
        """Listen no more, and cut what is open: whoever connects is refused."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def open(self) -> None:
        """Listen again, at the same address, if it was closed."""
        if self._server is not None and self._server.is_serving():
            return
        port = int(self.url.rpartition(":")[2])
        listening = socket.create_server(("127.0.0.1", port))
        self._opening = asyncio.get_running_loop().create_task(self._listen(listening))

    async def _listen(self, listening: socket.socket) -> None:
        self._server = await asyncio.start_server(self._carry, sock=listening, ssl=self._tls)

    def cut(self) -> None:
        """Cut every connection that is open now."""
        for task in tuple(self._open):
            task.cancel()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        behind: asyncio.StreamWriter | None = None
        try:
            with suppress(OSError, TimeoutError, asyncio.CancelledError):
                back, behind = await self._dial()
                async with asyncio.timeout(self._lifetime()):
                    await asyncio.gather(_pour(reader, behind), _pour(back, writer, self._delay))
        finally:
            for end in (writer, behind):
                if end is not None:
                    end.transport.abort()


async def _pour(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay: Delay | None = None
) -> None:
    while chunk := await source.read(65_536):
        if delay is not None:
            await asyncio.sleep(delay())
        sink.write(chunk)
        await sink.drain()
    # TLS has no end of one direction alone.
    if sink.can_write_eof():
        with suppress(OSError):
            sink.write_eof()
