"""
The wish of a request: the contract, or the bare frames; and from where.

Knows headers and query parameters. A client that knows nothing of us must get what it would
have got without us, so the contract is for those who ask.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from sse_observe.asgi import Scope, header

PARAMETER = "resumable"
"""`Accept: text/event-stream;resumable=1`, or `?resumable=1` where a client sets no header."""
HEADER = b"sse-resumable"
_MOST_FIELDS = 50
_LONGEST_QUERY = 8192


def asks_for_contract(scope: Scope) -> bool:
    """Tell whether a client wants hello, ids, heartbeats and the end said."""
    headers = scope["headers"]
    if header(headers, HEADER) is not None or header(headers, b"last-event-id") is not None:
        return True
    accept = (header(headers, b"accept") or b"").decode("latin-1").lower()
    if any(_has_parameter(kind) for kind in accept.split(",")):
        return True
    query = _query(scope)
    return PARAMETER in query or "last_event_id" in query


def cursor_text(scope: Scope, query: Mapping[str, str] | None = None) -> str:
    """Return the cursor that a client sent, header first; an empty text where it sent none."""
    text = header(scope["headers"], b"last-event-id") or b""
    fields = _query(scope) if query is None else query
    return text.decode("latin-1") or fields.get("last_event_id", "")


def _has_parameter(kind: str) -> bool:
    essence, *parameters = (part.strip() for part in kind.split(";"))
    names = {parameter.partition("=")[0].strip() for parameter in parameters}
    return essence == "text/event-stream" and PARAMETER in names


def _query(scope: Scope) -> dict[str, str]:
    raw = scope.get("query_string", b"")[:_LONGEST_QUERY]
    try:
        fields = parse_qsl(
            raw.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        return {}
    return dict(fields)
