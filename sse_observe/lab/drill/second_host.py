"""
A second host of a fault's streams: a process of its own, which is killed.

Shares the store that `SSE_OBSERVE_STORE` names. Run by uvicorn; knows nothing of the drill.
"""

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

from sse_observe.asgi import App, Receive, Scope, Send
from sse_observe.lab.drill.faulty_apps import kept
from sse_observe.lab.programs.process import Program, free_port
from sse_observe.reference.redis import RedisStore
from sse_observe.reference.store_url import VARIABLE

_ROOT = "SSE_OBSERVE_DRILL_ROOT"


def app() -> App:
    """Return the application that the process serves, below the fault's own path."""
    root = os.environ[_ROOT]
    streams = kept(RedisStore.from_url(os.environ[VARIABLE], lease_seconds=LEASE_SECONDS))

    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        await streams({**scope, "root_path": root}, receive, send)

    return mounted


LEASE_SECONDS = 2.0
"""A quarter of a minute is the default, and too long to wait for in a drill."""


class SecondHost(Program):
    """The process, at `port`."""

    def __init__(self, home: Path, *, root: str, store_url: str) -> None:
        self.port = free_port()
        home.mkdir(parents=True, exist_ok=True)
        super().__init__(
            [
                *(sys.executable, "-m", "uvicorn", "--factory", f"{__name__}:app"),
                *("--port", str(self.port), "--log-level", "critical"),
            ],
            log=home / "second-host.log",
            ready=self._accepts,
            env={**os.environ, _ROOT: root, VARIABLE: store_url},
        )

    def _accepts(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False
