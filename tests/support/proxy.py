"""
A TCP proxy that misbehaves on demand: cuts, resets, stalls, holds back, refuses, idles out.

Runs in a thread; its switches may be turned from any other while connections are open.
"""

import asyncio
import socket
import struct
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit
from weakref import WeakSet

_CHUNK = 65536


class UnreliableProxy:
    """
    Forwards to an upstream; `url` is its own base URL, `connections` counts what came.

    `stalled` takes bytes and forwards none; `buffering` forwards an answer only once it has
    ended; `refusing` hangs up on arrival; `idle_seconds` cuts what is silent for so long;
    `trickle` is the most bytes per second that it forwards.
    """

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="unreliable proxy", daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        # In both directions, and until they are garbage: closed they may still hold bytes.
        self._transports: WeakSet[asyncio.WriteTransport] = WeakSet()
        self._tasks: set[asyncio.Task[None]] = set()
        self._moving: asyncio.Event | None = None
        self.url = ""
        self.connections = 0
        self.refusing = False
        self.buffering = False
        self.idle_seconds: float | None = None
        self.trickle: int | None = None

    def point_at(self, upstream: str) -> None:
        """Send what comes from now on to another upstream, as after a deploy."""
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)

    def cut(self) -> None:
        """End every connection in order, in mid-answer."""
        self._soon(lambda: [writer.close() for writer in tuple(self._writers)])

    def reset(self) -> None:
        """End every connection by RST."""
        self._soon(lambda: [_reset(writer) for writer in tuple(self._writers)])

    def stall(self) -> None:
        """Forward nothing more, and say nothing."""
        self._soon(lambda: self._moving and self._moving.clear())

    def flow(self) -> None:
        """Forward again, what was held back first."""
        self._soon(lambda: self._moving and self._moving.set())

    def _soon(self, step: object) -> None:
        done = threading.Event()

        def run() -> None:
            step()  # type: ignore[operator]
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._moving = asyncio.Event()
        self._moving.set()
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._arrived, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stopping.wait()
        server.close()
        # Some turns: what was accepted just now begins first, what is torn down ends last.
        for _ in range(5):
            for task in tuple(self._tasks):
                task.cancel()
            for transport in tuple(self._transports):
                transport.abort()
            await asyncio.sleep(0)

    async def _arrived(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self._transports.add(writer.transport)
        try:
            if not self.refusing:
                await self._forward(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        self._transports.add(up_writer.transport)
        asking = asyncio.ensure_future(_copy(reader, up_writer))
        try:
            await self._answer(up_reader, writer)
        finally:
            asking.cancel()
            up_writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held = b""
        assert self._moving is not None
        while True:
            size = min(self.trickle or _CHUNK, _CHUNK)
            try:
                chunk = await asyncio.wait_for(reader.read(size), self.idle_seconds)
            except TimeoutError:
                return
            await self._moving.wait()
            if self.trickle:
                await asyncio.sleep(len(chunk) / self.trickle)
            held += chunk
            # An answer without chunks has a length, and comes whole as it is.
            chunked = b"transfer-encoding: chunked" in held
            ended = not chunk or not chunked or held.endswith(b"\r\n0\r\n\r\n")
            if held and (ended or not self.buffering):
                writer.write(held)
                held = b""
                await writer.drain()
            if not chunk or writer.is_closing():
                return

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    # The client hung up: so do we, or the server would go on for nobody.
    writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
