"""
A TCP proxy in front of Redis, in the test's own loop: it delays, holds, cuts and refuses.

One for each host, so that hosts can be cut off one by one.
"""

import asyncio
from types import TracebackType
from typing import Self

_CHUNK = 65536


class RedisProxy:
    """
    Forwards to a port of loopback; `url` is its own URL.

    `delay_seconds` is added to every piece, each way. `hold(requests=…, answers=…)` forwards
    nothing that way until `flow()`; `cut()` resets every connection; under `refusing` nobody
    gets in. `connections` is how many are open.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._readers: set[asyncio.StreamReader] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._arriving: set[asyncio.Task[None]] = set()
        self._flows = {"requests": asyncio.Event(), "answers": asyncio.Event()}
        self.flow()
        self.delay_seconds = 0.0
        self.refusing = False
        self.most_connections = 0
        self.url = ""

    @property
    def connections(self) -> int:
        """The connections that are open now."""
        # One whose client has left is closed, though we hold what it said.
        return sum(not reader._eof for reader in self._readers)  # type: ignore[attr-defined]

    def point_at(self, port: int) -> None:
        """Send what comes from now on elsewhere."""
        self._port = port

    def hold(self, *, requests: bool = True, answers: bool = True) -> None:
        """Take bytes and forward none, and say nothing."""
        for way, is_held in (("requests", requests), ("answers", answers)):
            if is_held:
                self._flows[way].clear()

    def flow(self) -> None:
        """Forward again, what was held first."""
        for flow in self._flows.values():
            flow.set()

    def cut(self) -> None:
        """Break every connection."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def _arrived(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._forward(reader, writer))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, up_writer}
        self._writers |= both
        self._readers.add(reader)
        self.most_connections = max(self.most_connections, self.connections)
        ways = [
            asyncio.ensure_future(self._copy(reader, up_writer, "requests")),
            asyncio.ensure_future(self._copy(up_reader, writer, "answers")),
        ]
        self._tasks |= {*ways}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            self._writers -= both
            self._readers.discard(reader)
            self._tasks -= {*ways}
            for one in both:
                one.transport.abort()

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str
    ) -> None:
        try:
            while chunk := await reader.read(_CHUNK):
                await self._flows[way].wait()
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._arrived, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        # No connection is left to whatever runs next in this process.
        while self._arriving:
            await asyncio.wait([*self._arriving])
        await asyncio.sleep(0)
