"""Clients that send beacon reports as a browser does, and strangers with forged tokens."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sse_observe.lab.drill.switch import Switch

MOUNT = "/sse"
"""Where a beacon is mounted below a fault's route."""

_CLIENTS = 4
_STRANGERS = 8
# Each client reports once and comes back as a new one, with a new token.
_CLIENT_SECONDS = 0.8
_STRANGER_SECONDS = 0.3
_FORGED = "bm8gdG9rZW4.bm8gc2lnbmF0dXJl"


class BeaconClients:
    """Send reports to the beacon below `path` on a port; strangers only while `switch` is on."""

    def __init__(self, port: int, path: str, switch: Switch) -> None:
        self._port = port
        self._path = f"{path}{MOUNT}"
        self._switch = switch

    @asynccontextmanager
    async def reporting(self) -> AsyncIterator[None]:
        """Report while the block runs."""
        tasks = [
            *(asyncio.create_task(self._client()) for _ in range(_CLIENTS)),
            *(asyncio.create_task(self._stranger()) for _ in range(_STRANGERS)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _client(self) -> None:
        while True:
            with suppress(OSError, ValueError):
                granted = json.loads(await self._ask("GET", "token"))
                await self._report(granted["report_token"], 1)
            await asyncio.sleep(_CLIENT_SECONDS)

    async def _stranger(self) -> None:
        for number in itertools.count(1):
            if self._switch.on:
                with suppress(OSError):
                    await self._report(_FORGED, number)
            await asyncio.sleep(_STRANGER_SECONDS)

    async def _report(self, token: str, number: int) -> None:
        report = {"token": token, "n": number, "events": 1}
        await self._ask("POST", "deltas", json.dumps(report).encode())

    async def _ask(self, method: str, name: str, body: bytes = b"") -> bytes:
        """Return the body of an answer."""
        head = (
            f"{method} {self._path}/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(head.encode() + body)
            return (await reader.read()).partition(b"\r\n\r\n")[2]
        finally:
            writer.close()
