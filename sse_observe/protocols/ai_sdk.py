"""The AI SDK's UI message stream (v5, v6): data alone, a `type` in each."""

from sse_observe.protocols.json_data import Json
from sse_observe.protocols.model import (
    CONTENT,
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
        *("start", "start-step", "finish-step", "text-start", "text-end", "reasoning-start"),
        *("reasoning-end", "message-metadata"),
    ),
    NOTHING,
) | {"finish": TERMINAL, "error": FAILURE, "abort": STOP}
_DELTAS = ("delta", "inputTextDelta")
_BEGINNING = begins_like(
    rb'\{\s*"type"\s*:\s*"(?:text|reasoning)-delta"\s*,'
    rb'(?:\s*"id"\s*:\s*"[^"\\]*"\s*,)?\s*"delta"\s*:\s*"'
)


def _read(name: bytes, part: Json) -> int:  # noqa: ARG001 - these events have no names
    kind = part.get("type")
    if not isinstance(kind, str):
        return CONTENT
    if kind.endswith("-delta") and not any(part.get(key) for key in _DELTAS):
        return NOTHING
    return _MEANINGS.get(kind, CONTENT)


AI_SDK = Protocol(
    name="ai-sdk",
    response_headers=(b"x-vercel-ai-ui-message-stream",),
    signs=("type",),
    is_first=lambda name, part: not name and part.get("type") == "start",
    read=_read,
    beginning=Beginning(find=_BEGINNING),
)
