"""AG-UI: data alone, an upper-case `type` in each."""

from sse_observe.protocols.json_data import Json
from sse_observe.protocols.model import (
    CONTENT,
    CONTENT_IF_FIRST,
    FAILURE,
    NOTHING,
    STOP,
    TERMINAL,
    Beginning,
    Protocol,
    begins_like,
)

_MEANINGS = dict.fromkeys(
    (
        *("RUN_STARTED", "STEP_STARTED", "STEP_FINISHED", "SUBAGENT_STARTED", "SUBAGENT_FINISHED"),
        # The run may go on without it.
        "SUBAGENT_ERROR",
        *("TEXT_MESSAGE_START", "TEXT_MESSAGE_END", "REASONING_START", "REASONING_MESSAGE_START"),
        *("REASONING_MESSAGE_END", "REASONING_END", "REASONING_ENCRYPTED_VALUE"),
        # So they were called before 1.0.
        *("THINKING_START", "THINKING_TEXT_MESSAGE_START", "THINKING_TEXT_MESSAGE_END"),
        "THINKING_END",
        # The events of a provider, passed on beside our own.
        "RAW",
    ),
    NOTHING,
) | {"MESSAGES_SNAPSHOT": CONTENT_IF_FIRST, "RUN_ERROR": FAILURE}
_PIECES = {
    *("TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_CHUNK", "REASONING_MESSAGE_CONTENT"),
    *("REASONING_MESSAGE_CHUNK", "THINKING_TEXT_MESSAGE_CONTENT", "TOOL_CALL_ARGS"),
}
_BEGINNING = begins_like(
    rb'\{\s*"type"\s*:\s*"(?:TEXT|REASONING)_MESSAGE_CONTENT"\s*,'
    rb'(?:\s*"messageId"\s*:\s*"[^"\\]*"\s*,)?\s*"delta"\s*:\s*"'
)


def _read(name: bytes, event: Json) -> int:  # noqa: ARG001 - these events have no names
    kind = event.get("type")
    if not isinstance(kind, str):
        return CONTENT
    if kind in _PIECES:
        return CONTENT if event.get("delta") else NOTHING
    if kind == "RUN_FINISHED":
        outcome = event.get("outcome")
        stopped = isinstance(outcome, dict) and outcome.get("type") == "cancelled"
        return STOP if stopped else TERMINAL
    return _MEANINGS.get(kind, CONTENT)


AG_UI = Protocol(
    name="ag-ui",
    signs=("type",),
    is_first=lambda name, event: not name and event.get("type") == "RUN_STARTED",
    read=_read,
    beginning=Beginning(find=_BEGINNING),
)
