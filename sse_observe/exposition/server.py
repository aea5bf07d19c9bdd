"""
`metrics_server()`: /metrics on a port and a thread of its own, scraped once more at the end.

A server closes its own port first and cuts its streams last. How they ended would never be
scraped there. Installs no signal handler and knows no stream.
"""

import asyncio
import os
import socket
import threading
import time
from pathlib import Path

from sse_observe.asgi import Message, Scope
from sse_observe.errors import SettingsError
from sse_observe.exposition.app import MetricsApp
from sse_observe.registry import SSEMetrics, chosen_metrics
from sse_observe.registry.multiprocess import MULTIPROC_DIR

# The scrape interval of most Prometheus servers is 15 s.
LINGER_SECONDS = 20.0

_REQUEST_SECONDS = 5.0
_ANSWER_SECONDS = 30.0
_MOST_HEADER_BYTES = 16_384
# A scraper asks within a millisecond of connecting. Beyond these, the one that has been silent
# for longest makes room.
_MOST_SILENT = 32
# Whoever asks and does not read the answer makes room once it is this old.
_MOST_ANSWERS = 32
_SLOW_SECONDS = 2.0
_HIGHEST_PORT = 65_535
_GLANCE_SECONDS = 0.05
_SCRAPED = "sse-observe.scraped"
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}


def metrics_server(
    port: int,
    *,
    host: str = "127.0.0.1",
    metrics: SSEMetrics | None = None,
    linger_seconds: float = LINGER_SECONDS,
) -> "MetricsServer":
    """
    Serve /metrics beside the application until the process ends; call it where the app is made.

    It listens on `host`, loopback unless you say otherwise, and `port`; 0 takes a free one, which
    the answer names. `metrics` are those of the middleware. When the server has ended its streams,
    its shutdown waits for one more scrape, at most `linger_seconds`. Worker processes that share
    PROMETHEUS_MULTIPROC_DIR share the port too. Called again, as by a module that is loaded again,
    it is the same server. Raises SettingsError where the port is taken.
    """
    chosen = chosen_metrics(metrics, "metrics_server")
    server = chosen.attach(MetricsServer, lambda: MetricsServer(chosen, host, port, linger_seconds))
    if port not in (0, server.port):
        raise SettingsError(
            f"metrics_server: port {port} is asked for, but port {server.port} serves these "
            "metrics already; start one server, or give each its own SSEMetrics"
        )
    return server


class MetricsServer:
    """A server for /metrics that listens on `port`."""

    def __init__(self, metrics: SSEMetrics, host: str, port: int, linger_seconds: float) -> None:
        self._linger_seconds = linger_seconds
        self._shared = os.environ.get(MULTIPROC_DIR)
        self._socket = self._listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._app = MetricsApp(metrics)
        # Since when, the oldest first.
        self._silent: dict[asyncio.StreamWriter, float] = {}
        self._answers: dict[asyncio.StreamWriter, float] = {}
        self._scraped_at = 0.0
        self._listens = threading.Event()
        metrics.at_shutdown.append(self.linger)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="sse-observe metrics", daemon=True
        )
        self._thread.start()
        self._listens.wait()

    def _listen(self, host: str, port: int) -> socket.socket:
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= _HIGHEST_PORT:
            raise SettingsError(
                f"metrics_server: port={port!r} is none; give a number up to {_HIGHEST_PORT}"
            )
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._shared and hasattr(socket, "SO_REUSEPORT"):
            # Whichever worker is asked answers for all.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            listener.bind((host, port))
        except (OSError, ValueError, TypeError) as error:
            listener.close()
            why = error.strerror if isinstance(error, OSError) else "is no address"
            raise SettingsError(
                f"metrics_server: {host} port {port}: {why}; choose another port or host"
            ) from None
        return listener

    def close(self) -> None:
        """Stop for good; a process that ends needs no such word."""
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join()

    async def linger(self) -> None:
        """Wait until a scrape that began after this call is answered, or time is up."""
        closed_at = time.time()
        deadline = time.monotonic() + self._linger_seconds
        # Another process may be the one that is asked.
        while time.monotonic() < deadline and self._last_scrape() <= closed_at:  # noqa: ASYNC110
            await asyncio.sleep(_GLANCE_SECONDS)

    def _last_scrape(self) -> float:
        if not self._shared:
            return self._scraped_at
        try:
            return (Path(self._shared) / _SCRAPED).stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def _remember_scrape(self, began_at: float) -> None:
        self._scraped_at = began_at
        if self._shared:
            marker = Path(self._shared) / _SCRAPED
            marker.touch()
            os.utime(marker, (began_at, began_at))

    # What runs in the thread.

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        async with await asyncio.start_server(
            self._connected, sock=self._socket, limit=_MOST_HEADER_BYTES
        ):
            self._listens.set()
            await self._closed.wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            began_at = time.time()
            scope = _scope_of(await self._asked(reader, writer))
            if not self._has_room():
                writer.close()
                return
            self._answers[writer] = self._loop.time()
            async with asyncio.timeout(_ANSWER_SECONDS):
                status = await self._answer(scope, writer)
                writer.close()
                await writer.wait_closed()
            if status == 200:
                self._remember_scrape(began_at)
        except (OSError, EOFError, ValueError, TimeoutError, asyncio.LimitOverrunError):
            # It hung up, was too slow, or spoke no HTTP.
            writer.transport.abort()
        finally:
            self._answers.pop(writer, None)

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Return the head of a request; strangers who stay silent keep nobody out."""
        if len(self._silent) >= _MOST_SILENT:
            oldest = next(iter(self._silent))
            del self._silent[oldest]
            oldest.transport.abort()
        self._silent[writer] = self._loop.time()
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                return await reader.readuntil(b"\r\n\r\n")
        finally:
            self._silent.pop(writer, None)

    def _has_room(self) -> bool:
        """Tell whether one more may be answered; one that does not read goes for it."""
        if len(self._answers) < _MOST_ANSWERS:
            return True
        oldest, since = next(iter(self._answers.items()))
        if self._loop.time() - since < _SLOW_SECONDS:
            return False
        del self._answers[oldest]
        oldest.transport.abort()
        return True

    async def _answer(self, scope: Scope, writer: asyncio.StreamWriter) -> int:
        status = 404
        if scope["path"] != "/metrics":
            writer.write(
                b"HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
            return status

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}".encode()]
                lines += [b": ".join(pair) for pair in message["headers"]]
                writer.write(b"\r\n".join([*lines, b"connection: close", b"", b""]))
            else:
                writer.write(message.get("body", b""))
                await writer.drain()

        await self._app(scope, _nothing, send)
        return status


async def _nothing() -> Message:
    """Stand in for a request body, which no scrape has."""
    return {"type": "http.request"}


def _scope_of(head: bytes) -> Scope:
    """Return the ASGI scope of a request; ValueError where it is none."""
    line, *fields = head[:-4].split(b"\r\n")
    method, target, _ = line.split(b" ")
    path, _, query = target.partition(b"?")
    pairs = (field.partition(b":") for field in fields)
    return {
        "type": "http",
        "method": method.decode("ascii"),
        "path": path.decode("ascii"),
        "query_string": query,
        "headers": [(name.lower(), value.strip()) for name, _, value in pairs],
    }
