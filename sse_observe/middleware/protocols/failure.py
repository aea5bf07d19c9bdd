"""The type of an error that a stream states: a short identifier, never its message."""

import re

from sse_observe.middleware.protocols.model import as_json

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}").fullmatch
_PLACES = ("type", "code", "status")
# The `type` of an event itself only says that it is an error.
_NO_TYPES = ("error", "run_error", "response.failed")


def error_type(data: bytes) -> str:
    """Return the type of the error in an event's data, or an empty string."""
    event = as_json(data) or {}
    response = event.get("response")
    inside = response.get("error") if isinstance(response, dict) else event.get("error")
    for found in (inside, event):
        if isinstance(found, dict):
            for place in _PLACES:
                word = found.get(place)
                if isinstance(word, str) and _IDENTIFIER(word) and word.lower() not in _NO_TYPES:
                    return word
    return ""
