"""Anthropic messages: every event has a name."""

import re

from sse_observe.middleware.protocols.model import (
    CONTENT,
    FAILURE,
    NOTHING,
    TERMINAL,
    Protocol,
)

# A text block begins empty; a tool block names its tool.
_TEXT_BLOCK = re.compile(rb'"content_block"\s*:\s*\{[^{}]*"type"\s*:\s*"(?:text|thinking)"').search
_EMPTY = re.compile(rb'"delta"\s*:\s*\{[^{}]*"(?:text|thinking|partial_json)"\s*:\s*""').search


def _read(name: bytes, data: bytes) -> int:
    if name == b"content_block_delta":
        return NOTHING if _EMPTY(data) else CONTENT
    if name == b"content_block_start":
        return NOTHING if _TEXT_BLOCK(data) else CONTENT
    if name == b"message_stop":
        return TERMINAL
    return FAILURE if name == b"error" else NOTHING


ANTHROPIC = Protocol(
    name="anthropic",
    first_events=(b"message_start",),
    read=_read,
    is_content=lambda name: name == b"content_block_delta",
)
