"""
Real servers for tests, and a raw client that hides nothing of what came over the wire.

`serve(app)` runs uvicorn in a thread, `serve_process(factory)` in a process that can be
signalled; both on a free port of the loopback, both gone when the block ends.
"""

import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from sse_observe.lab.programs.process import free_port
from sse_observe.lab.programs.server import Server
from sse_observe.wire import Event, Scanner
from tests.support.paths import ROOT

PATIENCE_SECONDS = 60.0


@contextmanager
def serve(app: Any, *, grace_seconds: int = 1) -> Iterator[str]:
    """Serve an application under uvicorn in a thread; give its base URL."""
    with Server(app, grace_seconds=grace_seconds) as server:
        yield server.url


class ServerProcess:
    """A uvicorn process; `url` is its base URL, `pid` for signals."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes]") -> None:
        self.url = url
        self.process = process

    def terminate(self) -> None:
        """Ask it to end, as a deploy does."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for its end and return its status."""
        return self.process.wait(seconds)


@contextmanager
def serve_process(
    target: str,
    *options: str,
    port: int | None = None,
    log: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[ServerProcess]:
    """Serve `module:name` in a process of its own; names are found from the repository's root."""
    port = port or free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", target, "--port", str(port)),
        *("--log-level", "warning", *options),
    ]
    output = log.open("ab") if log else None
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=output or subprocess.DEVNULL,
        stderr=output or subprocess.DEVNULL,
    )
    if output:
        output.close()
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, f"{target} did not start"
            assert time.monotonic() < deadline, f"{target} does not accept"
            time.sleep(0.02)
        yield ServerProcess(f"http://127.0.0.1:{port}", process)
    finally:
        process.kill()
        process.wait()


class Connection:
    """
    A client's socket, and every way to leave.

    `close()` sends FIN, `reset()` RST, `half_close()` ends only our direction; after `vanish()`
    nothing that is sent to us arrives, and nobody is told.
    """

    socket: socket.socket

    def close(self) -> None:
        """Hang up in order."""
        self.socket.close()

    def half_close(self) -> None:
        """Say that nothing more will be sent, and go on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Hang up with an RST, as a crashed client's kernel does."""
        self._linger_not()
        self.socket.close()

    def vanish(self) -> None:
        """Let no packet reach us any more, as when the network is gone; Linux, no privilege."""
        # Berkeley packet filter of one instruction: take 0 bytes, which drops all unseen.
        drop = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
        program = struct.pack("HP", 1, ctypes.addressof(drop))
        self.socket.setsockopt(socket.SOL_SOCKET, 26, program)  # SO_ATTACH_FILTER
        self._linger_not()

    def _linger_not(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class RawClient(Connection):
    """One HTTP/1.1 request over one socket, its answer read byte by byte as it comes."""

    def __init__(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        self.socket = socket.create_connection((parts.hostname, parts.port), PATIENCE_SECONDS)
        lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        self.raw = b""
        self.at_end = False
        self._scanner = Scanner()
        self._scanned = 0
        self.events: list[Event] = []
        self.head = self._head()

    def _head(self) -> bytes:
        while b"\r\n\r\n" not in self.raw and self._more():
            pass
        head, _, self.raw = self.raw.partition(b"\r\n\r\n")
        return head

    def _more(self) -> bool:
        try:
            chunk = self.socket.recv(65536)
        except ConnectionResetError:
            chunk = b""
        self.raw += chunk
        self.at_end = self.at_end or not chunk
        return bool(chunk)

    @property
    def status(self) -> int:
        """The status that was answered."""
        return int(self.head.split()[1])

    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers, names in lower case."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return {name.lower(): value.strip() for name, _, value in pairs}

    @property
    def body(self) -> bytes:
        """The body so far, without its chunk sizes."""
        if self.headers.get("transfer-encoding") != "chunked":
            return self.raw
        body, rest = b"", self.raw
        while b"\r\n" in rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            body += rest[:length]
            if length == 0 or len(rest) < length + 2:
                break
            rest = rest[length + 2 :]
        return body

    @property
    def complete(self) -> bool:
        """Whether the answer's own end was seen, not only the connection's."""
        if "content-length" in self.headers:
            return len(self.raw) >= int(self.headers["content-length"])
        return self.raw.endswith(b"0\r\n\r\n")

    @property
    def hello(self) -> dict[str, Any]:
        """The data of the greeting."""
        greeting = self.until(lambda client: bool(client.events)).events[0]
        assert greeting.type == "sse.hello"
        return dict(json.loads(greeting.data))

    @property
    def payloads(self) -> list[str]:
        """The data of the payload events so far."""
        return [event.data for event in self.events if event.type == "message"]

    @property
    def ids(self) -> list[str]:
        """The ids of the payload events so far."""
        return [event.last_event_id for event in self.events if event.type == "message"]

    def until(self, claim: Callable[["RawClient"], bool]) -> Self:
        """Read until the claim holds; fail when the answer ends before."""
        while True:
            body = self.body
            self.events += self._scanner.feed(body[self._scanned :])
            self._scanned = len(body)
            if claim(self):
                return self
            assert not self.at_end, f"the answer ended first: {body[-500:]!r}"
            self._more()

    def until_end(self) -> Self:
        """Read to the answer's end, or to the connection's."""
        return self.until(lambda client: client.complete or client.at_end)
