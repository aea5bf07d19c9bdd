"""AG-UI: data alone, an upper-case `type` in each."""

import re

from sse_observe.middleware.protocols.model import (
    CONTENT,
    FAILURE,
    NOTHING,
    TERMINAL,
    Json,
    Protocol,
    as_json,
)

_MEANINGS = dict.fromkeys(
    (
        *("RUN_STARTED", "STEP_STARTED", "STEP_FINISHED", "TEXT_MESSAGE_START"),
        *("TEXT_MESSAGE_END", "THINKING_START", "THINKING_END"),
        *("THINKING_TEXT_MESSAGE_START", "THINKING_TEXT_MESSAGE_END"),
    ),
    NOTHING,
) | {"RUN_FINISHED": TERMINAL, "RUN_ERROR": FAILURE}
_PIECES = ("TEXT_MESSAGE_CONTENT", "THINKING_TEXT_MESSAGE_CONTENT", "TOOL_CALL_ARGS")
_BEGINNING = re.compile(rb'\s*\{\s*"type"\s*:\s*"TEXT_MESSAGE_CONTENT"').match


def _read(name: bytes, data: bytes) -> int:  # noqa: ARG001 - these events have no names
    event = as_json(data)
    kind = event.get("type") if event is not None else None
    if event is None or not isinstance(kind, str):
        return CONTENT
    if kind in _PIECES and not event.get("delta"):
        return NOTHING
    return _MEANINGS.get(kind, CONTENT)


def _is_first(data: Json) -> bool:
    return data.get("type") == "RUN_STARTED"


def _beginning(data: bytes) -> bytes | None:
    found = _BEGINNING(data)
    return found[0] if found else None


AG_UI = Protocol(name="ag-ui", is_first=_is_first, read=_read, beginning=_beginning)
