"""A real Redis on loopback, for tests: started, killed, paused, configured, and asked directly."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from sse_observe.lab.programs.process import free_port
from tests.support.programs import needs

PATIENCE_SECONDS = 30.0


class RedisServer:
    """
    One `redis-server`; `url` is its URL.

    `kill()` ends it without a word, `start()` begins it again on the same port and with the
    same files, `pause()` and `go_on()` stop and continue the process.
    """

    def __init__(self, directory: Path, *options: str, program: str = "redis-server") -> None:
        self.port = free_port()
        self.directory = directory
        self._options = options
        self._program = needs(program)
        self._process: subprocess.Popen[bytes] | None = None
        self._client: redis.Redis | None = None

    @property
    def url(self) -> str:
        """Its URL."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def client(self) -> Any:
        """A plain client, to look at what is kept and to break it."""
        if self._client is None:
            self._client = redis.Redis(port=self.port)
        return self._client

    def start(self, *options: str) -> Self:
        """Begin, and wait until it answers."""
        self.directory.mkdir(parents=True, exist_ok=True)
        command = [
            *(self._program, "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--dir", str(self.directory), "--loglevel", "warning", "--save", ""),
            *self._options,
            *options,
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._accepts():
            assert self._process.poll() is None, f"{self._program} did not start"
            assert time.monotonic() < deadline, f"{self._program} does not accept"
            time.sleep(0.01)
        return self

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """End it without a word."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._forget_client()

    def stop(self) -> None:
        """Ask it to end."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        self._process.wait()
        self._forget_client()

    def _forget_client(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def pause(self) -> None:
        """Stop the process: it holds its connections and says nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Continue it."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def connections(self) -> int:
        """Return how many clients it has, beside the one that asks."""
        return len(self.client.client_list()) - 1

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.go_on()
            self.kill()
        self._forget_client()
