"""The AI SDK's UI message stream (v5, v6): data alone, a `type` in each."""

import re

from sse_observe.middleware.protocols.model import (
    CONTENT,
    FAILURE,
    NOTHING,
    STOP,
    TERMINAL,
    Json,
    Protocol,
    as_json,
)

_MEANINGS = dict.fromkeys(
    (
        *("start", "start-step", "finish-step", "text-start", "text-end", "reasoning-start"),
        *("reasoning-end", "message-metadata"),
    ),
    NOTHING,
) | {"finish": TERMINAL, "error": FAILURE, "abort": STOP}
_DELTAS = ("delta", "inputTextDelta")
_BEGINNING = re.compile(rb'\s*\{\s*"type"\s*:\s*"(?:text|reasoning)-delta"').match


def _read(name: bytes, data: bytes) -> int:  # noqa: ARG001 - these events have no names
    part = as_json(data)
    kind = part.get("type") if part is not None else None
    if part is None or not isinstance(kind, str):
        return CONTENT
    if kind.endswith("-delta") and not any(part.get(key) for key in _DELTAS):
        return NOTHING
    return _MEANINGS.get(kind, CONTENT)


def _is_first(data: Json) -> bool:
    return data.get("type") == "start"


def _beginning(data: bytes) -> bytes | None:
    found = _BEGINNING(data)
    return found[0] if found else None


AI_SDK = Protocol(
    name="ai-sdk",
    response_headers=(b"x-vercel-ai-ui-message-stream",),
    is_first=_is_first,
    read=_read,
    beginning=_beginning,
)
