"""
A slow link on this machine alone: a relay that delays, limits and cuts what passes.

Shapes one connection in this process; touches no device, no rule and no other program.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

_CHUNK = 1400
"""About a packet."""
_MOST_UNDER_WAY = 64
"""Packets between both ends; more wait with their sender."""


@dataclass(frozen=True)
class Link:
    """A way: one way's delay in seconds, bytes a second, and after how many bytes it is cut."""

    delay: float = 0.0
    rate: float = float("inf")
    cut_after: int | None = None


SLOW_3G = Link(delay=0.2, rate=50_000)
"""As Chromium's slow 3G: 400 ms to and fro, 400 kbit/s."""


class Relay:
    """A port of the loopback that leads to a host over a link."""

    def __init__(self, host: str, port: int, link: Link) -> None:
        self._upstream = host, port
        self._link = link
        self.address = ("127.0.0.1", 0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, until one side ends or the link is cut."""
        try:
            there, back = await asyncio.open_connection(*self._upstream)
        except OSError:
            writer.transport.abort()
            return
        ways = {
            asyncio.create_task(self._pass(reader, back, cut_after=None)),
            asyncio.create_task(self._pass(there, writer, cut_after=self._link.cut_after)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            # This task is asyncio's own: one that is cancelled at the end would be printed.
            pass
        finally:
            for way in ways:
                way.cancel()
            for end in (writer, back):
                with contextlib.suppress(OSError, RuntimeError):
                    end.transport.abort() if self._link.cut_after else end.close()

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        cut_after: int | None,
    ) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MOST_UNDER_WAY)
        sending = asyncio.create_task(self._send(reader, under_way))
        clock = asyncio.get_running_loop().time
        passed = 0
        try:
            with contextlib.suppress(OSError):
                while data := (await _arrival(under_way, clock)):
                    passed += len(data)
                    if cut_after is not None and passed > cut_after:
                        # In the middle of whatever it is, as a phone in a lift is cut.
                        data = data[: -(passed - cut_after)]
                    writer.write(data)
                    await writer.drain()
                    if cut_after is not None and passed >= cut_after:
                        return
        finally:
            sending.cancel()

    async def _send(
        self, reader: asyncio.StreamReader, under_way: "asyncio.Queue[tuple[float, bytes]]"
    ) -> None:
        """Put pieces on the way, each with the time at which it arrives; the last is empty."""
        clock = asyncio.get_running_loop().time
        free_at = clock()
        data = b"-"
        while data:
            try:
                data = await reader.read(_CHUNK)
            except OSError:
                data = b""
            free_at = max(free_at, clock()) + len(data) / self._link.rate
            await under_way.put((free_at + self._link.delay, data))


async def _arrival(
    under_way: "asyncio.Queue[tuple[float, bytes]]", clock: Callable[[], float]
) -> bytes:
    due, data = await under_way.get()
    await asyncio.sleep(max(0.0, due - clock()))
    return data


@asynccontextmanager
async def relay(host: str, port: int, link: Link) -> AsyncIterator[tuple[str, int]]:
    """Lead to a host over a link while the block runs; give the address to connect to."""
    way = Relay(host, port, link)
    server = await asyncio.start_server(way.serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()
