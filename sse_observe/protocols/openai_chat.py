"""OpenAI chat completions and legacy completions, and everything compatible with them."""

import re

from sse_observe.protocols.failure import is_failure
from sse_observe.protocols.json_data import Json, as_json, objects
from sse_observe.protocols.model import CONTENT, FAILURE, NOTHING, TERMINAL, Beginning, Protocol

# Whatever of these is not empty was worth waiting for: reasoning and tool calls too.
_CONTENT = (
    *("content", "reasoning_content", "reasoning", "reasoning_details", "tool_calls", "refusal"),
    *("function_call", "audio", "images"),
)
_OBJECTS = ("chat.completion.chunk", "text_completion", "chat.completion")
# Of a choice, for the servers that leave out what kind of object it is.
_OF_A_CHOICE = {"delta", "finish_reason"}
# Of a chunk without any choice: the tokens that were used, the filter of a prompt.
_OF_A_CHUNK = {"usage", "model", "prompt_filter_results"}
_DELTA = b'"delta"'
# As nearly all write it: read in a quarter of the time.
_USUAL = b':{"content":"'
_PIECE = re.compile(
    rb'\s*:\s*\{\s*(?:"role"\s*:\s*"assistant"\s*,\s*)?'
    rb'"(?:content|reasoning_content|reasoning)"\s*:\s*"'
).match
_TERMINAL = re.compile(rb'"finish_reason"\s*:\s*[^n\s]').search


def _read(name: bytes, chunk: Json) -> int:  # noqa: ARG001 - these events have no names
    meaning = NOTHING
    for choice in objects(chunk.get("choices")):
        # Some servers send a whole message in one piece.
        pieces = choice.get("delta") or choice.get("message")
        found = isinstance(pieces, dict) and (
            pieces.get("content") or any(map(pieces.get, _CONTENT))
        )
        if found or choice.get("text"):
            meaning |= CONTENT
        if choice.get("finish_reason"):
            meaning |= TERMINAL
    if "error" in chunk and not meaning & CONTENT and is_failure(chunk["error"]):
        return FAILURE
    return meaning


def _is_first(name: bytes, chunk: Json) -> bool:
    choices = chunk.get("choices")
    if name or not isinstance(choices, list):
        return False
    if chunk.get("object") in _OBJECTS:
        return True
    if choices:
        return any(_OF_A_CHOICE & choice.keys() for choice in objects(choices))
    return bool(_OF_A_CHUNK & chunk.keys())


def _find(data: bytes) -> bytes | None:
    parts = data.split(_DELTA, 2)
    if len(parts) != 2:
        return None
    size = len(_USUAL)
    if parts[1][:size] != _USUAL:
        found = _PIECE(parts[1])
        if found is None:
            return None
        size = found.end()
    # The only one there is must be a choice's.
    for choice in objects((as_json(data) or {}).get("choices")):
        if "delta" in choice:
            return data[: size - len(parts[1])]
    return None


OPENAI_CHAT = Protocol(
    name="openai-chat",
    signs=("choices",),
    is_first=_is_first,
    read=_read,
    beginning=Beginning(find=_find, terminal=_TERMINAL),
)
