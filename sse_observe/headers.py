"""
What the headers and the query of one exchange say about an event stream.

Reads ASGI scopes and response starts, believes nothing it has not bounded, keeps nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from sse_observe.metrics import NETWORKS

_EVENT_STREAM = b"text/event-stream"
_UNKNOWN = "unknown"
# More fields than any client of ours sends; parse_qsl refuses the rest of a hostile query.
_MOST_FIELDS = 100

Headers = Iterable[tuple[bytes, bytes]]


def header(headers: Headers, name: bytes) -> bytes | None:
    """Return the first value of a header; `name` in lower case."""
    size = len(name)
    for key, value in headers:
        if len(key) == size and key.lower() == name:
            return bytes(value)
    return None


def is_event_stream(headers: Headers) -> bool:
    """Tell whether a response declares itself an event stream."""
    declared = header(headers, b"content-type")
    return declared is not None and declared.partition(b";")[0].strip().lower() == _EVENT_STREAM


def asks_for_event_stream(scope: Mapping[str, Any]) -> bool:
    """Tell whether a request asks for an event stream by name."""
    accepted = header(scope["headers"], b"accept")
    return accepted is not None and _EVENT_STREAM in accepted.lower()


def cursor_of(scope: Mapping[str, Any]) -> bytes | None:
    """Return the id that a client resumes from, or None for a first connection."""
    cursor = header(scope["headers"], b"last-event-id")
    if not cursor and b"last_event_id=" in scope.get("query_string", b""):
        cursor = _query(scope, "last_event_id").encode(errors="replace")
    return cursor or None


def network_of(scope: Mapping[str, Any]) -> str:
    """Return the network type that the client states, by query or else by the ECT header."""
    if b"network_type=" in scope.get("query_string", b""):
        stated = _query(scope, "network_type")
    else:
        stated = (header(scope["headers"], b"ect") or b"").decode("latin-1")
    return stated if stated in NETWORKS else _UNKNOWN


def _query(scope: Mapping[str, Any], name: str) -> str:
    try:
        query = scope["query_string"].decode("latin-1")
        fields = parse_qsl(query, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return ""
    return next((value for key, value in fields if key == name), "")


def response_faults(headers: Headers, http_version: str) -> list[str]:
    """
    Return what in a stream's response headers lets something on the way spoil it.

    `Connection` is a fault on HTTP/2 and later, where it is illegal; on HTTP/1.1 servers strip
    or obey `keep-alive`, which the most used library always sends.
    """
    found = {key.lower(): value for key, value in headers}
    faults = []
    if found.get(b"x-accel-buffering") != b"no":
        faults.append("buffering_allowed")
    cache = found.get(b"cache-control", b"").lower()
    if b"no-cache" not in cache and b"no-store" not in cache:
        faults.append("cacheable")
    if b"connection" in found:
        harmless = found[b"connection"].lower() in (b"keep-alive", b"close")
        if not harmless or http_version >= "2":
            faults.append("connection_header")
    if b"content-length" in found:
        faults.append("content_length")
    if found.get(b"content-encoding", b"identity").lower() != b"identity":
        faults.append("compressed")
    return faults
