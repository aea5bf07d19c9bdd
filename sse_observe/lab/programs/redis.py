"""A real Redis on loopback that keeps nothing on disk."""

import socket
from contextlib import suppress
from pathlib import Path

from sse_observe.lab.programs.process import Program, find, free_port


class Redis(Program):
    """One `redis-server`; stopped and started again it is empty, on the same `port`."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(
            [
                find("redis-server", "redis-server"),
                *("--port", str(self.port), "--bind", "127.0.0.1"),
                *("--dir", str(directory), "--save", "", "--appendonly", "no"),
            ],
            log=directory / "redis.log",
            ready=self._answers,
        )

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as asked:
            asked.sendall(b"PING\r\n")
            return asked.recv(16).startswith(b"+PONG")
        return False
