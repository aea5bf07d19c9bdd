"""Gemini's `streamGenerateContent?alt=sse`: data alone, and no `[DONE]`."""

import re

from sse_observe.protocols.failure import is_failure
from sse_observe.protocols.json_data import Json, objects
from sse_observe.protocols.model import (
    CONTENT,
    FAILURE,
    NOTHING,
    TERMINAL,
    Beginning,
    Protocol,
    begins_like,
)

# A part that holds nothing but these says nothing yet.
_ABOUT_A_PART = {
    *("text", "thought", "thoughtSignature", "videoMetadata", "partMetadata", "mediaResolution"),
}
_BEGINNING = begins_like(
    rb'\{\s*"candidates"\s*:\s*\[\s*\{\s*"content"\s*:\s*\{\s*"parts"\s*:\s*\[\s*\{\s*"text"\s*:\s*"'
)
_TERMINAL = re.compile(rb'"(?:finishReason|blockReason)"\s*:\s*[^n\s]').search


def _read(name: bytes, chunk: Json) -> int:  # noqa: ARG001 - these events have no names
    meaning = NOTHING
    for candidate in objects(chunk.get("candidates")):
        content = candidate.get("content")
        parts = objects(content.get("parts")) if isinstance(content, dict) else []
        if any(part.get("text") or part.keys() - _ABOUT_A_PART for part in parts):
            meaning |= CONTENT
        if candidate.get("finishReason"):
            meaning |= TERMINAL
    if not meaning & CONTENT and is_failure(chunk.get("error")):
        return FAILURE
    feedback = chunk.get("promptFeedback")
    if isinstance(feedback, dict) and feedback.get("blockReason"):
        # The question was refused: nothing else will come, and nothing is missing.
        meaning |= TERMINAL
    return meaning


def _is_first(name: bytes, chunk: Json) -> bool:
    return not name and (
        isinstance(chunk.get("candidates"), list) or isinstance(chunk.get("promptFeedback"), dict)
    )


GEMINI = Protocol(
    name="gemini",
    signs=("candidates", "promptFeedback"),
    is_first=_is_first,
    read=_read,
    beginning=Beginning(find=_BEGINNING, terminal=_TERMINAL),
)
