"""Gemini's `streamGenerateContent?alt=sse`: data alone, and no `[DONE]`."""

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

# A part that holds nothing but these says nothing yet.
_ABOUT_A_PART = {"text", "thought", "thoughtSignature", "videoMetadata"}


def _read(name: bytes, data: bytes) -> int:  # noqa: ARG001 - these events have no names
    chunk = as_json(data)
    if chunk is None:
        return CONTENT
    meaning = NOTHING
    for candidate in objects(chunk.get("candidates")):
        content = candidate.get("content")
        parts = objects(content.get("parts")) if isinstance(content, dict) else []
        if any(part.get("text") or set(part) - _ABOUT_A_PART for part in parts):
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


def _is_first(data: Json) -> bool:
    error = data.get("error")
    refused = isinstance(error, dict) and "status" in error and "code" in error
    return "candidates" in data or "promptFeedback" in data or refused


GEMINI = Protocol(name="gemini", is_first=_is_first, read=_read)
