"""Clients as SDKs of models are: they call, read to the end, resume nothing and report nothing."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.switch import Switch
from sse_observe.wire import Scanner

_PAUSE_SECONDS = 0.2
_FIRST_SECONDS = 2.0


class SDKClients:
    """The clients of a fault that has a `method`, each a task; they leave as the fault says."""

    def __init__(self, fault: Fault, switch: Switch) -> None:
        self._fault = fault
        self._switch = switch

    @asynccontextmanager
    async def reading(self, port: int) -> AsyncIterator[None]:
        """Call the service at a port of loopback while the block runs."""
        tasks = [
            asyncio.create_task(self._live(port, number / self._fault.users))
            for number in range(self._fault.users)
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _live(self, port: int, later: float) -> None:
        # Not all at once: a fleet's streams begin and end at any time.
        await asyncio.sleep(later * _FIRST_SECONDS)
        while True:
            with suppress(OSError, EOFError):
                await self._call(port)
            await asyncio.sleep(_PAUSE_SECONDS * random.uniform(0, 2))  # noqa: S311 - no secret

    async def _call(self, port: int) -> None:
        # None of them asks for an event stream by name.
        request = (
            f"{self._fault.method} {self._fault.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Accept: application/json\r\nContent-Length: 0\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if head.split(maxsplit=2)[1] == b"200":
                await self._read(reader)
        finally:
            # Its end of the connection too: an SDK's user has thrown the answer away.
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        events = 0
        scanner = Scanner()
        async for piece in _body(reader):
            for event in scanner.feed(piece):
                events += 1
                if self._leaves(event.data, events):
                    return

    def _leaves(self, data: str, events: int) -> bool:
        fault = self._fault
        if not self._switch.on:
            return False
        if fault.patience is not None and events >= fault.patience:
            return True
        return fault.hangs_up and data.startswith('{"error"')


async def _body(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield the chunks of a chunked answer; EOFError where it broke off."""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
