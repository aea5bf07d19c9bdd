"""
A server's state, as far as it shows beside ASGI: it is exiting, or a client is gone.

Read and never called: names may change, and None must be harmless.
"""

import asyncio
import signal


def exiting() -> bool | None:
    """Tell whether this process is shutting down, or None where the server does not show it."""
    # uvicorn alone does; its handler is a method of the server that holds the flag.
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    flag = getattr(server, "should_exit", None)
    return flag if isinstance(flag, bool) else None


def peek(receive: object) -> bool | None:
    """
    Tell whether the server knows that the client is gone, or None where it does not show it.

    Reads what uvicorn and hypercorn keep beside `receive`; never calls it, since a message
    that is taken is missing to the application. Must not be asked once the response is over.
    """
    owner = getattr(receive, "__self__", None)
    if owner is None:
        return None
    gone = getattr(owner, "disconnected", None)
    if gone is None and isinstance(owner, asyncio.Queue):
        waiting = getattr(owner, "_queue", ())
        gone = any(message["type"] == "http.disconnect" for message in waiting)
    return gone if isinstance(gone, bool) else None
