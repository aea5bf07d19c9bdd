"""
MCP over HTTP, 2026-07-28 and the session protocol before it: JSON-RPC messages.

A JSON-RPC error is an answer like any other. A GET stream, and the POST stream of
`subscriptions/listen`, may be silent for hours and have no end of their own. In the session
protocol a server may also end the stream of a call before it answers: where its events carry ids,
the client comes back for the rest.
"""

from sse_observe.asgi import Scope, header
from sse_observe.protocols.json_data import Json
from sse_observe.protocols.model import CONTENT, TERMINAL, Protocol

_LISTENS = b"subscriptions/listen"
# From this version on a request names its method in a header.
_NAMES_METHODS = b"2026-07-28"


def _read(name: bytes, message: Json) -> int:  # noqa: ARG001 - all events are messages
    answers = "id" in message and ("result" in message or "error" in message)
    return CONTENT | (TERMINAL if answers else 0)


def _is_call(scope: Scope) -> bool:
    """Tell whether a stream answers one call, as far as its request shows that."""
    if scope["method"] != "POST":
        return False
    method = header(scope["headers"], b"mcp-method")
    return _is_of_a_session(scope) if method is None else method.strip() != _LISTENS


def _is_of_a_session(scope: Scope) -> bool:
    version = header(scope["headers"], b"mcp-protocol-version")
    return version is None or version < _NAMES_METHODS


def _demands_terminal(scope: Scope, has_ids: bool) -> bool:
    return _is_call(scope) and not (has_ids and _is_of_a_session(scope))


MCP = Protocol(
    name="mcp",
    request_headers=(b"mcp-protocol-version", b"mcp-session-id"),
    response_headers=(b"mcp-session-id",),
    signs=("jsonrpc",),
    is_first=lambda _, message: message.get("jsonrpc") == "2.0",
    read=_read,
    demands_terminal=_demands_terminal,
    demands_content=_is_call,
    # Who offers no stream by GET says so, to each client that asks.
    orderly_refusals=(405,),
)
