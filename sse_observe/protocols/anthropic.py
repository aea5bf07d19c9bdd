"""Anthropic messages: every event has a name."""

from sse_observe.protocols.json_data import Json
from sse_observe.protocols.model import CONTENT, FAILURE, NOTHING, TERMINAL, Protocol

_PIECES = ("text", "thinking", "signature", "partial_json")


def _read(name: bytes, event: Json) -> int:
    if name == b"content_block_delta":
        return _delta(event.get("delta"))
    if name == b"content_block_start":
        return _block(event.get("content_block"))
    if name == b"message_stop":
        return TERMINAL
    return FAILURE if name == b"error" else NOTHING


def _delta(delta: object) -> int:
    """A piece of text, of thinking, of a tool's input; the first one of those is empty."""
    pieces = [delta[key] for key in _PIECES if key in delta] if isinstance(delta, dict) else []
    return CONTENT if any(pieces) or not pieces else NOTHING


def _block(block: object) -> int:
    """A text block begins empty; a tool block names its tool."""
    if isinstance(block, dict) and block.get("type") in ("text", "thinking"):
        return CONTENT if block.get("text") or block.get("thinking") else NOTHING
    return CONTENT


ANTHROPIC = Protocol(
    name="anthropic",
    first_events=(b"message_start",),
    has_names=True,
    read=_read,
    is_content=lambda name: name == b"content_block_delta",
)
