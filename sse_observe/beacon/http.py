"""
Bare answers in ASGI messages: a status, or one body.

Knows nothing of what is answered.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def length(status: int) -> list[tuple[bytes, bytes]]:
    """Return what says that no body follows, where the status does not say it."""
    return [] if status in (204, 304) else [(b"content-length", b"0")]


async def bare(send: Send, status: int, *headers: tuple[bytes, bytes]) -> None:
    """Answer with a status alone."""
    every = [*headers, *length(status)]
    await send({"type": "http.response.start", "status": status, "headers": every})
    await send({"type": "http.response.body", "body": b""})


async def whole(send: Send, body: bytes, *headers: tuple[bytes, bytes], head: bool = False) -> None:
    """Answer with a body; `head` leaves it out and describes it all the same."""
    every = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": every})
    await send({"type": "http.response.body", "body": b"" if head else body})
