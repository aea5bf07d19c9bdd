"""The boards as a process: a port on loopback, until somebody ends it."""

import socket

import uvicorn

from sse_observe.asgi import App
from sse_observe.errors import ReportError

_MOST_CONNECTIONS = 100
_MOST_HEAD_BYTES = 16 << 10


def listen(port: int) -> socket.socket:
    """Return a socket on 127.0.0.1, of a free port for 0; ReportError is one line."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        # Whoever opens the address at once waits, and is not refused.
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or "is no port"
        raise ReportError(
            f"--port {port}: {reason.lower()}; choose another port, or 0 for a free one"
        ) from None
    return listener


def serve(app: App, listener: socket.socket) -> None:
    """Serve until the process is told to end."""
    uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            h11_max_incomplete_event_size=_MOST_HEAD_BYTES,
            timeout_graceful_shutdown=1,
        )
    ).run(sockets=[listener])
