"""
The recognition of a stream's protocol: by headers, or by its first events.

Neither hello nor a heartbeat nor a comment is one of them.
"""

import re

from sse_observe.asgi import Headers
from sse_observe.protocols import NONE, PROTOCOLS, UNRECOGNISED, Protocol
from sse_observe.protocols.failure import is_bare_failure
from sse_observe.protocols.json_data import as_json

# One of these stands in the first data of each protocol that is recognised by its data.
_SIGNS = re.compile(
    rb'"(?:choices|candidates|promptFeedback|jsonrpc|error|sequence_number)"\s*:'
    rb'|"type"\s*:\s*"(?:start|RUN_STARTED)"'
).search
FIRST_EVENTS = {name: p for p in PROTOCOLS.values() for name in p.first_events}
"""Protocols by the names of events that begin them."""
REQUEST_HEADERS = {name: p for p in PROTOCOLS.values() for name in p.request_headers}
"""Protocols by the headers of requests that name them."""
RESPONSE_HEADERS = {name: p for p in PROTOCOLS.values() for name in p.response_headers}
"""Protocols by the headers of responses that name them."""
_BY_SIGN = tuple((sign, p) for p in PROTOCOLS.values() for sign in p.signs)
_LENGTHS = frozenset(map(len, RESPONSE_HEADERS))


def recognise_response(headers: Headers) -> Protocol | None:
    """Return the protocol that a response's headers name."""
    for name, _ in headers:
        # Answers have dozens, and hardly ever one of these.
        if len(name) in _LENGTHS and name.lower() in RESPONSE_HEADERS:
            return RESPONSE_HEADERS[name.lower()]
    return None


def recognise_event(name: bytes, data: bytes) -> Protocol:
    """Return the protocol that an event belongs to; UNRECOGNISED where the next is to be asked."""
    if name in FIRST_EVENTS:
        return FIRST_EVENTS[name]
    if not data:
        return UNRECOGNISED
    found = as_json(data)
    if found is None:
        return NONE
    for sign, protocol in _BY_SIGN:
        if sign in found and protocol.is_first(name, found):
            return protocol
    # An error says that a stream failed, and not what it would have spoken.
    return UNRECOGNISED if not name and is_bare_failure(found) else NONE


def may_be_known(data: bytes) -> bool:
    """Tell, in a tenth of the time, whether this may be the first data of a known protocol."""
    return _SIGNS(data) is not None
