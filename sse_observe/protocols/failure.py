"""
Errors that a stream states in JSON: whether one does, its type, and its message.

The type is a short identifier, which may be logged and counted; the message may hold anything, and
is its reader's alone.
"""

import re
from collections.abc import Iterator

from sse_observe.protocols.json_data import Json, as_json

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}").fullmatch
_PLACES = ("type", "code", "status")
_TEXTS = ("message", "errorText", "detail")
# The `type` of an event itself only says that it is an error.
_NO_TYPES = ("error", "run_error", "response.failed")
# What servers send beside an error; anything else may be an answer, with an error in it.
_BESIDE_AN_ERROR = {
    *("error", "type", "code", "status", "status_code", "message", "detail", "param"),
    *("id", "object", "created", "model", "provider", "choices", "usage", "request_id"),
}


def is_failure(error: object) -> bool:
    """Tell whether an `error` field says that something failed: `null` and `""` do not."""
    return isinstance(error, dict) or (isinstance(error, str) and error != "")


def is_bare_failure(event: Json) -> bool:
    """Tell whether an event of no known protocol holds an error, and nothing else."""
    return is_failure(event.get("error")) and event.keys() <= _BESIDE_AN_ERROR


def error_type(data: bytes) -> str:
    """Return the type of the error in an event's data, or an empty string."""
    for found in _objects(as_json(data)):
        for place in _PLACES:
            word = found.get(place)
            if isinstance(word, str) and _IDENTIFIER(word) and word.lower() not in _NO_TYPES:
                return word
    return ""


def error_message(data: bytes) -> str:
    """Return the message of the error in an event's data; data that is no JSON is one itself."""
    event = as_json(data)
    if event is None:
        return data.decode(errors="replace")
    for found in _objects(event):
        for place in (*_TEXTS, "error"):
            text = found.get(place)
            if isinstance(text, str) and text:
                return text
    return ""


def _objects(event: Json | None) -> Iterator[Json]:
    """Yield the objects that may hold the words: the error inside, then the event itself."""
    if event is None:
        return
    response = event.get("response")
    inside = response.get("error") if isinstance(response, dict) else event.get("error")
    for found in (inside, event):
        if isinstance(found, dict):
            yield found
