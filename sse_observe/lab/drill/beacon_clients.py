"""Clients that send beacon reports as a browser does, and strangers with forged tokens."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sse_observe.lab.drill.switch import Switch
from sse_observe.reference.app import STREAM_PATH

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
        self._stream = f"{path}{STREAM_PATH}"
        self._deltas = f"{path}{MOUNT}/deltas"
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
            with suppress(OSError, EOFError, ValueError):
                hello = await self._ask("GET", self._stream, until=b"\n\n")
                data = hello.partition(b"data: ")[2].partition(b"\n")[0]
                await self._report(json.loads(data)["report_token"], 1)
            await asyncio.sleep(_CLIENT_SECONDS)

    async def _stranger(self) -> None:
        for number in itertools.count(1):
            if self._switch.on:
                with suppress(OSError):
                    await self._report(_FORGED, number)
            await asyncio.sleep(_STRANGER_SECONDS)

    async def _report(self, token: str, number: int) -> None:
        report = {"token": token, "n": number, "events": 1}
        await self._ask("POST", self._deltas, json.dumps(report).encode())

    async def _ask(self, method: str, path: str, body: bytes = b"", until: bytes = b"") -> bytes:
        """Return the body of an answer, or its beginning up to `until`."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(head.encode() + body)
            if not until:
                return (await reader.read()).partition(b"\r\n\r\n")[2]
            await reader.readuntil(b"\r\n\r\n")
            return await reader.readuntil(until)
        finally:
            writer.close()
