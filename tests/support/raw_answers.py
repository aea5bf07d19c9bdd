"""A server that answers every request with the same bytes, in pieces, however wrong they are."""

import asyncio
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

Piece = bytes | float
"""Bytes to send, or seconds to wait."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """Return data as one chunk of HTTP/1.1."""
    return b"%x\r\n%s\r\n" % (len(data), data)


LAST = b"0\r\n\r\n"


class RawServer:
    """A listening server; `requests` are the heads and bodies that were sent to it."""

    def __init__(self, pieces: Sequence[Piece], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.port = 0
        self._pieces = pieces
        self._tls = tls
        self._stopping: asyncio.Event | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/"

    async def serve(self, ready: threading.Event) -> None:
        """Answer until it is stopped."""
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self.loop = asyncio.get_running_loop()
        ready.set()
        await self._stopping.wait()
        server.close()

    def stop(self) -> None:
        """End it."""
        assert self._stopping is not None
        self.loop.call_soon_threadsafe(self._stopping.set)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append(await reader.read(1 << 16))
            for piece in self._pieces:
                if isinstance(piece, bytes):
                    writer.write(piece)
                    await writer.drain()
                else:
                    await asyncio.sleep(piece)
        except OSError:
            pass
        finally:
            writer.close()


@contextmanager
def answering(*pieces: Piece, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """Serve the same answer to everybody while the block runs."""
    server, ready = RawServer(pieces, tls), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(ready)), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        server.stop()
        thread.join(10)
