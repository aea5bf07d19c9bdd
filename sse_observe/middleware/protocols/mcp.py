"""
MCP over HTTP, 2026-07-28 and the session protocol before it: JSON-RPC messages.

A JSON-RPC error is an answer like any other. A GET stream, and the POST stream of
`subscriptions/listen`, may be silent for hours and have no end of their own.
"""

import re

from sse_observe.asgi import Scope, header
from sse_observe.middleware.protocols.model import CONTENT, TERMINAL, Json, Protocol, as_json

_LISTENS = b"subscriptions/listen"
# For a message so long that its end was not kept.
_RESPONSE = re.compile(rb'"(?:result|error)"\s*:').search


def _read(name: bytes, data: bytes) -> int:  # noqa: ARG001 - all events are messages
    message = as_json(data)
    if message is None:
        return CONTENT | (TERMINAL if _RESPONSE(data) else 0)
    answers = "id" in message and ("result" in message or "error" in message)
    return CONTENT | (TERMINAL if answers else 0)


def _is_first(data: Json) -> bool:
    return data.get("jsonrpc") == "2.0"


def _is_call(scope: Scope) -> bool:
    """Tell whether a stream answers one call, as far as its request shows that."""
    method = header(scope["headers"], b"mcp-method")
    return scope["method"] == "POST" and method is not None and method.strip() != _LISTENS


def _demands_content(scope: Scope) -> bool:
    return scope["method"] == "POST" and header(scope["headers"], b"mcp-method") != _LISTENS


MCP = Protocol(
    name="mcp",
    request_headers=(b"mcp-protocol-version", b"mcp-session-id"),
    response_headers=(b"mcp-session-id",),
    is_first=_is_first,
    read=_read,
    demands_terminal=_is_call,
    demands_content=_demands_content,
)
