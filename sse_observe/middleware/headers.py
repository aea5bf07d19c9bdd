"""
Headers and queries of one exchange, as far as they concern an event stream.

Reads ASGI scopes and response starts. Bounds everything that a stranger sends; keeps nothing.
"""

from urllib.parse import parse_qsl

from sse_observe.asgi import Headers, Scope, header
from sse_observe.metrics import NETWORKS

_EVENT_STREAM = b"text/event-stream"
_AFTER_TYPE = (b"", b";", b" ", b"\t")
_E = (b"e", b"E")
_UNKNOWN = "unknown"
_NETWORKS = frozenset(NETWORKS)
# More fields than any client of ours sends; parse_qsl refuses the rest of a hostile query.
_MOST_FIELDS = 100


def is_event_stream(headers: Headers) -> bool:
    """Tell whether a response declares itself an event stream."""
    for key, value in headers:
        if key == b"content-type" or (len(key) == 12 and key.lower() == b"content-type"):
            # Most answers are none, and one letter tells.
            return value == _EVENT_STREAM or (value[5:6] in _E and _is_type(value))
    return False


def _is_type(value: bytes) -> bool:
    end = len(_EVENT_STREAM)
    return value[:end].lower() == _EVENT_STREAM and value[end : end + 1] in _AFTER_TYPE


def asks_for_event_stream(scope: Scope) -> bool:
    """Tell whether a request asks for an event stream by name."""
    accepted = header(scope["headers"], b"accept")
    return accepted is not None and _EVENT_STREAM in accepted.lower()


def cursor_and_network(scope: Scope) -> tuple[bytes | None, str]:
    """
    Return the id that a client resumes from, or None, and the network type that it states.

    The cursor's header goes before the query, as a native EventSource repeats its URL; the
    network's query goes before the ECT header, which changes within one stream.
    """
    # The names of a request's headers are in lower case, by ASGI.
    headers = dict(scope["headers"])
    cursor = headers.get(b"last-event-id", b"")
    network = headers[b"ect"].decode("latin-1") if b"ect" in headers else _UNKNOWN
    query = scope.get("query_string")
    if query:
        if not cursor and b"last_event_id=" in query:
            cursor = _query(query, "last_event_id").encode(errors="replace")
        if b"network_type=" in query:
            network = _query(query, "network_type")
    return cursor or None, network if network in _NETWORKS else _UNKNOWN


def network_of(scope: Scope) -> str:
    """Return the network type that the client states."""
    return cursor_and_network(scope)[1]


def _query(query: bytes, name: str) -> str:
    try:
        fields = parse_qsl(query.decode("latin-1"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return ""
    return next((value for key, value in fields if key == name), "")


class ResponseFaults:
    """
    Response faults, remembered: most responses have the headers of the one before.

    Comparing takes a twentieth of the time of reading.
    """

    def __init__(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._http_version = ""
        self._faults: list[str] = []

    def of(self, headers: list[tuple[bytes, bytes]], http_version: str) -> list[str]:
        """Return what `response_faults` says of these headers."""
        if headers != self._headers or http_version != self._http_version:
            faults = response_faults(headers, http_version)
            # Tuples of our own: the application may change its lists.
            self._headers = [(key, value) for key, value in headers]
            self._http_version = http_version
            self._faults = faults
        return self._faults


def response_faults(headers: Headers, http_version: str) -> list[str]:
    """
    Return what in a stream's response headers lets something on the way spoil it.

    `Connection` is a fault on HTTP/2 and later, where it is illegal; on HTTP/1.1 servers strip
    or obey `keep-alive`, which the most used library always sends.
    """
    faults = []
    buffering = cacheable = True
    for key, value in headers:
        # By length first: names are compared where they can be meant.
        size = len(key)
        if size == 13 and key.lower() == b"cache-control":
            # Not `in`, which takes a third longer: it tries a number first.
            words = value.lower()
            cacheable = words.find(b"no-cache") < 0 and words.find(b"no-store") < 0
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
    return faults
