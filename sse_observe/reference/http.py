"""
Plain HTTP around the streams: read what a stranger sends within bounds, answer in one line.

Knows ASGI messages; knows nothing of streams.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

Scope = Mapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

UNCACHED = ((b"cache-control", b"no-store"),)
# A body of some kilobytes that takes longer is not being sent in earnest.
_BODY_SECONDS = 10
_MOST_FIELDS = 50


class RefusedError(Exception):
    """A request that gets one plain line for an answer."""

    def __init__(self, status: int, line: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(line)
        self.status = status
        self.headers = headers


async def reply(
    send: Send, status: int, text: str = "", *headers: tuple[bytes, bytes], kind: str = "text/plain"
) -> None:
    """Send a whole answer that no cache keeps."""
    body = text.encode(errors="replace")
    described = (
        (b"content-type", f"{kind}; charset=utf-8".encode()),
        (b"content-length", str(len(body)).encode()),
    )
    every = [*UNCACHED, *headers, *(described if body else ())]
    await send({"type": "http.response.start", "status": status, "headers": every})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def header(scope: Scope, name: bytes) -> str:
    """Return the first header of that (lower-case) name, or an empty string."""
    for found, value in scope["headers"]:
        if found == name:
            return str(value, "latin-1")
    return ""


def query_params(scope: Scope, limit: int) -> dict[str, str]:
    """Return the query; of a name that comes twice, the last value."""
    raw = scope.get("query_string", b"")
    if len(raw) > limit:
        raise RefusedError(413, f"parameters are limited to {limit} bytes")
    try:
        fields = parse_qsl(
            raw.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise RefusedError(400, f"the query has more than {_MOST_FIELDS} fields") from None
    return dict(fields)


async def body_params(receive: Receive, limit: int) -> dict[str, Any]:
    """Return the JSON object that the body holds; an empty body is an empty object."""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            body = await _body(receive, limit)
    except TimeoutError:
        raise RefusedError(408, "the request's body did not arrive in time") from None
    try:
        params = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        params = None
    if not isinstance(params, dict):
        raise RefusedError(400, "the body must be a JSON object of parameters, or empty")
    return params


async def _body(receive: Receive, limit: int) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(400, "the request's body ended early")
        body += bytes(message.get("body", b""))
        # Counted while reading: a declared length may lie, a chunked body declares none.
        if len(body) > limit:
            raise RefusedError(413, f"parameters are limited to {limit} bytes")
        if not message.get("more_body", False):
            return body
