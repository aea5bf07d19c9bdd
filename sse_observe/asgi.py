"""
The ASGI interface, once: its types, its headers, the smallest answers, a server's life cycle.

Knows neither streams nor metrics.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from sse_observe.errors import SSEObserveError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

Header = tuple[bytes, bytes]
Headers = Iterable[Header]


def header(headers: Headers, name: bytes) -> bytes | None:
    """Return the first value of a header; `name` in lower case."""
    size = len(name)
    for key, value in headers:
        if len(key) == size and key.lower() == name:
            return value
    return None


def address_of(scope: Scope) -> str:
    """Return who asks, as far as the server knows it; empty where it does not."""
    client = scope.get("client")
    host = str(client[0]) if client else ""
    return network_of_address(host) if ":" in host else host


def network_of_address(host: str) -> str:
    """Return whom an address belongs to: itself, or in IPv6 the /64 that one customer gets."""
    if ":" not in host:
        return host
    try:
        packed = ipaddress.IPv6Address(host.partition("%")[0]).packed
    except ValueError:
        return host
    return packed[:8].hex()


async def answer(
    send: Send, status: int, body: bytes = b"", *headers: Header, head: bool = False
) -> None:
    """
    Send a whole answer, its length included where the status allows one.

    `head` leaves the body out and describes it all the same.
    """
    every = [*headers, *content_length(status, len(body))]
    await send({"type": "http.response.start", "status": status, "headers": every})
    await send({"type": "http.response.body", "body": b"" if head else body})


def content_length(status: int, length: int = 0) -> list[Header]:
    """Return the header that says how long a body is; none where the status says it."""
    return [] if status in (204, 304) else [(b"content-length", str(length).encode())]


async def follow_lifespan(
    receive: Receive,
    send: Send,
    shut_down: Callable[[], Awaitable[None]] | None = None,
    start: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """
    Answer a server's life cycle until it ends; `shut_down` is awaited before the last word.

    Where `start` raises one of our errors, the server is told its line and does not start.
    """
    while True:
        kind = (await receive())["type"]
        ends = kind == "lifespan.shutdown"
        if ends and shut_down is not None:
            await shut_down()
        if not ends and start is not None:
            try:
                await start()
            except SSEObserveError as error:
                await send({"type": f"{kind}.failed", "message": str(error)})
                return
        await send({"type": f"{kind}.complete"})
        if ends:
            return


async def refuse_websocket(send: Send) -> None:
    """Close a connection that we do not speak on."""
    await send({"type": "websocket.close", "code": 1000})
