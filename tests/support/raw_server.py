"""A raw HTTP server in the test's own loop: says byte for byte what its script says."""

import asyncio
import contextlib
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Script = Callable[[asyncio.StreamWriter], Awaitable[None]] | bytes
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
OPEN = HEAD + b"connection: close\r\n\r\n"
"""The head of an answer that ends with its connection."""


def chunked(*parts: bytes, ends: bool = True, more: bytes = b"") -> bytes:
    """Return a chunked answer; one that does not end is cut off by the end of its connection."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return HEAD + more + b"transfer-encoding: chunked\r\n\r\n" + body + (b"0\r\n\r\n" * ends)


def sized(body: bytes, length: int | None = None) -> bytes:
    """Return an answer that states its length."""
    return HEAD + b"content-length: %d\r\n\r\n" % (length or len(body)) + body


class RawServer:
    """
    Answers its n-th request with the n-th script, and all later ones with the last.

    `asked` holds each request as it came, `left` is set once a connection is over. A connection
    is closed after its answer, or takes further requests where it `keeps_open`.
    """

    def __init__(self, *scripts: Script, keeps_open: bool = False) -> None:
        self.scripts = scripts
        self.asked: list[bytes] = []
        self.left = asyncio.Event()
        self.url = ""
        self._keeps_open = keeps_open

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, EOFError, ssl.SSLError):
                await self._answer(reader, writer)
                while self._keeps_open:
                    await self._answer(reader, writer)
        finally:
            self.left.set()
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        self.asked.append(head + body)
        script = self.scripts[min(len(self.asked), len(self.scripts)) - 1]
        if isinstance(script, bytes):
            writer.write(script)
            await writer.drain()
        else:
            await script(writer)


@asynccontextmanager
async def serving(
    server: RawServer, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serve on a free port; give the URL."""
    listening = await asyncio.start_server(server._serve, host, 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    name = "localhost" if tls else host
    async with listening:
        yield f"http{'s' if tls else ''}://{name}:{port}/s"


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def header(asked: bytes, name: str) -> str | None:
    """Return a header of a request as it came."""
    found = re.search(rf"(?im)^{name}: (.*?)\r$".encode(), asked)
    return found[1].decode() if found else None
