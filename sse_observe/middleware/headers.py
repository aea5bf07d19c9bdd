"""
Headers and queries of one exchange, as far as they concern an event stream.

Reads ASGI scopes and response starts. Bounds everything that a stranger sends; keeps nothing.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl

from sse_observe.asgi import Header, Headers, Scope, header
from sse_observe.metrics import NETWORKS
from sse_observe.protocols import Protocol
from sse_observe.protocols.recognition import (
    REQUEST_HEADERS,
    RESPONSE_HEADERS,
    recognise_response,
)

_EVENT_STREAM = b"text/event-stream"
# As nearly all write it.
_USUAL = (_EVENT_STREAM, _EVENT_STREAM + b"; charset=utf-8")
_AFTER_TYPE = (b"", b";", b" ", b"\t")
_E = (b"e", b"E")
_ORDERLY = {status for one in REQUEST_HEADERS.values() for status in one.orderly_refusals}
_UNKNOWN = "unknown"
_NETWORKS = frozenset(NETWORKS)
# Positions that skip nothing which a client has seen: of logs, whose first offset is -1.
_FROM_THE_START = ("", "-1", "now")
_CURSOR = "last_event_id"
_NETWORK = "network_type"
_HEADERS = frozenset((b"last-event-id", b"ect", *REQUEST_HEADERS))
# More fields than any client of ours sends; parse_qsl refuses the rest of a hostile query.
_MOST_FIELDS = 100
_ENCODING = b"content-encoding"
_TELLING = {len(name) for name in (_ENCODING, *RESPONSE_HEADERS)}
# Declarations differ little from route to route.
_MOST_FINDERS = 64


def is_event_stream(headers: Headers) -> bool:
    """Tell whether a response declares itself an event stream."""
    for key, value in headers:
        if key == b"content-type" or (len(key) == 12 and key.lower() == b"content-type"):
            # Most answers are none, and one letter tells.
            return value in _USUAL or (value[5:6] in _E and _is_type(value))
    return False


def _is_type(value: bytes) -> bool:
    end = len(_EVENT_STREAM)
    return value[:end].lower() == _EVENT_STREAM and value[end : end + 1] in _AFTER_TYPE


def protocol_and_compression(headers: Headers) -> tuple[Protocol | None, bool]:
    """Return the protocol that a response's headers name, and whether its body is compressed."""
    named, is_compressed = None, False
    for key, value in headers:
        if len(key) in _TELLING:
            name = key.lower()
            if name == _ENCODING:
                is_compressed |= value.lower() != b"identity"
            elif name in RESPONSE_HEADERS:
                named = RESPONSE_HEADERS[name]
    return named, is_compressed


def asks_for_event_stream(scope: Scope) -> bool:
    """Tell whether a request asks for an event stream by name."""
    accepted = header(scope["headers"], b"accept")
    return accepted is not None and _EVENT_STREAM in accepted.lower()


def is_orderly_refusal(scope: Scope, status: int) -> bool:
    """Tell whether, in the protocol that a request names, a status only says: no stream here."""
    if status not in _ORDERLY:
        return False
    found = (REQUEST_HEADERS.get(name) for name, _ in scope["headers"])
    return any(protocol is not None and status in protocol.orderly_refusals for protocol in found)


class Asked(NamedTuple):
    """The wishes of one request: where to resume, over which network, in which protocol."""

    cursor: bytes | None
    network: str
    protocol: Protocol | None


_NOTHING_ASKED = Asked(None, _UNKNOWN, None)


def asked(scope: Scope, cursors: tuple[str, ...] = ()) -> Asked:
    """
    Return the id to resume from or None, the network type, and the protocol that is named or None.

    `cursors` are query parameters to resume from, beside `last_event_id`. The cursor's header
    goes before the query, as a native EventSource repeats its URL; the network's query goes
    before the ECT header, which changes within one stream.
    """
    # The names of a request's headers are in lower case, by ASGI.
    headers = dict(scope["headers"])
    query = scope.get("query_string", b"")
    if _HEADERS.isdisjoint(headers) and not (query and _finder(cursors)(query)):
        # Most ask for nothing of all this.
        return _NOTHING_ASKED
    cursor = headers.get(b"last-event-id", b"")
    network = headers.get(b"ect", b"").decode("latin-1")
    if not cursor:
        found = (_query(query, name) for name in (_CURSOR, *cursors))
        resumed = (value for value in found if value not in _FROM_THE_START)
        cursor = next(resumed, "").encode(errors="replace")
    if _NETWORK.encode() + b"=" in query:
        network = _query(query, _NETWORK)
    named = [protocol for name, protocol in REQUEST_HEADERS.items() if name in headers]
    return Asked(
        cursor or None,
        network if network in _NETWORKS else _UNKNOWN,
        named[-1] if named else None,
    )


def network_of(scope: Scope) -> str:
    """Return the network type that the client states."""
    return asked(scope).network


@lru_cache(_MOST_FINDERS)
def _finder(cursors: tuple[str, ...]) -> Callable[[bytes], object]:
    """Return what finds a field of interest in a query, in a quarter of the time of `in`."""
    names = map(re.escape, (_CURSOR, _NETWORK, *cursors))
    return re.compile("|".join(f"{name}=" for name in names).encode()).search


def _query(query: bytes, name: str) -> str:
    """Return the value of a query's field; empty where there is none."""
    if name.encode() + b"=" not in query:
        return ""
    try:
        fields = parse_qsl(query.decode("latin-1"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return ""
    return next((value for key, value in fields if key == name), "")


class ResponseRead(NamedTuple):
    """The facts of one response's headers."""

    faults: tuple[str, ...]
    protocol: Protocol | None
    compressed: bool


class ResponseReader:
    """
    Reads the headers of responses, most of which have those of the one before.

    Comparing takes a twentieth of the time of reading.
    """

    def __init__(self) -> None:
        self._headers: list[Header] = []
        self._asked = "", ""
        self._read = ResponseRead((), None, compressed=False)

    def read(self, headers: list[Header], http_version: str, method: str) -> ResponseRead:
        """Return the facts of these headers."""
        if headers != self._headers or (http_version, method) != self._asked:
            faults = response_faults(headers, http_version, method)
            compressed = "compressed" in faults
            self._read = ResponseRead(faults, recognise_response(headers), compressed)
            # Tuples of our own: the application may change its lists.
            self._headers = [(key, value) for key, value in headers]
            self._asked = http_version, method
        return self._read


def response_faults(headers: Headers, http_version: str, method: str = "GET") -> tuple[str, ...]:
    """
    Return what in a stream's response headers lets something on the way spoil it.

    `Connection` is a fault on HTTP/2 and later, where it is illegal; on HTTP/1.1 servers strip
    or obey `keep-alive`, which the most used library always sends. No cache keeps the answer to
    a POST that does not say how long it stays fresh.
    """
    faults = []
    buffering = True
    cacheable = method == "GET"
    for key, value in headers:
        # By length first: names are compared where they can be meant.
        size = len(key)
        if size == 13 and key.lower() == b"cache-control":
            # Not `in`, which takes a third longer: it tries a number first.
            words = value.lower()
            keeps = words.find(b"no-cache") < 0 and words.find(b"no-store") < 0
            fresh = words.find(b"max-age") >= 0 or words.find(b"public") >= 0
            cacheable = keeps and (method == "GET" or fresh)
        elif size == 17 and key.lower() == b"x-accel-buffering":
            buffering = value != b"no"
        elif size == 10 and key.lower() == b"connection":
            if http_version >= "2" or value.lower() not in (b"keep-alive", b"close"):
                faults.append("connection_header")
        elif size == 14 and key.lower() == b"content-length":
            faults.append("content_length")
        elif size == 16 and key.lower() == b"content-encoding" and value.lower() != b"identity":
            faults.append("compressed")
    if buffering:
        faults.append("buffering_allowed")
    if cacheable:
        faults.append("cacheable")
    return tuple(faults)
