"""OpenAI chat completions and legacy completions, and everything compatible with them."""

import re

from sse_observe.middleware.protocols.model import (
    CONTENT,
    FAILURE,
    NOTHING,
    TERMINAL,
    Json,
    Protocol,
    as_json,
    is_failure,
    objects,
)

# Whatever of these is not empty was worth waiting for: reasoning and tool calls too.
_CONTENT = (
    *("content", "reasoning_content", "reasoning", "tool_calls", "refusal", "function_call"),
    "audio",
)
# Inside a JSON string each quote is escaped, so this is a key and never text.
_BEGINNING = re.compile(
    rb'"delta"\s*:\s*\{\s*(?:"role"\s*:\s*"assistant"\s*,\s*)?'
    rb'"(?:content|reasoning_content|reasoning)"\s*:\s*"(?!")'
)


def _read(name: bytes, data: bytes) -> int:  # noqa: ARG001 - these events have no names
    chunk = as_json(data)
    if chunk is None:
        return CONTENT
    meaning = NOTHING
    for choice in objects(chunk.get("choices")):
        delta = choice.get("delta")
        pieces = [delta.get(key) for key in _CONTENT] if isinstance(delta, dict) else []
        if any(pieces) or choice.get("text"):
            meaning |= CONTENT
        if choice.get("finish_reason"):
            meaning |= TERMINAL
    if not meaning & CONTENT and is_failure(chunk.get("error")):
        return FAILURE
    return meaning


def _is_first(data: Json) -> bool:
    return isinstance(data.get("choices"), list) or is_failure(data.get("error"))


def _beginning(data: bytes) -> bytes | None:
    found = _BEGINNING.search(data)
    return data[: found.end()] if found else None


OPENAI_CHAT = Protocol(
    name="openai-chat",
    is_first=_is_first,
    read=_read,
    beginning=_beginning,
    ends_in_content=True,
)
