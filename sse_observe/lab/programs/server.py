"""A real uvicorn in a thread of this process, on loopback."""

import logging
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import uvicorn

from sse_observe.asgi import App
from sse_observe.errors import LabError

START_SECONDS = 10.0


@contextmanager
def quiet() -> Iterator[None]:
    """Keep our own log lines off the terminal: here streams break on purpose."""
    log = logging.getLogger("sse_observe")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


class Server:
    """
    Serves an ASGI application on 127.0.0.1 while the block runs; `url` has no trailing slash.

    Port 0 takes a free one; LabError where a given one is taken. The server answers on the
    sockets in `more` too, and closes them. In a thread uvicorn leaves the process' signals alone.
    Streams that are still open after `grace_seconds` are cut.
    """

    def __init__(
        self,
        app: App,
        *,
        port: int = 0,
        more: Sequence[socket.socket] = (),
        grace_seconds: int = 1,
    ) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            self._socket.close()
            why = error.strerror if isinstance(error, OSError) else "is no port"
            remedy = "choose another with --port, or 0 for a free one"
            raise LabError(f"port {port}: {why}; {remedy}") from None
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                # It takes a method for an older kind of application.
                interface="asgi3",
                log_level="critical",
                access_log=False,
                timeout_graceful_shutdown=grace_seconds,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run,
            args=([self._socket, *more],),
            name="sse-observe lab",
            daemon=True,
        )

    def start(self) -> Self:
        """Start it and wait until it accepts connections."""
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise LabError(f"{self.url}: the service did not start; run the command again")
            time.sleep(0.01)
        return self

    def end(self) -> None:
        """Begin to end it; `stop` waits."""
        self._server.should_exit = True

    def stop(self) -> None:
        """End it and wait until the port is free again."""
        self.end()
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
