"""Anthropic messages: what each event means to a user who waits."""

import pytest

from sse_observe.middleware.protocols.anthropic import ANTHROPIC
from sse_observe.middleware.protocols.model import CONTENT, FAILURE, NOTHING, TERMINAL

TEXT = b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
TOOL = b'{"content_block":{"type":"tool_use","id":"t","name":"n","input":{}}}'


@pytest.mark.parametrize(
    ("name", "data", "meaning"),
    [
        (b"message_start", b"{}", NOTHING),
        (b"ping", b"{}", NOTHING),
        (b"content_block_start", TEXT, NOTHING),
        (b"content_block_start", TOOL, CONTENT),
        (b"content_block_start", b'{"content_block":{"type":"thinking"}}', NOTHING),
        (b"content_block_delta", b'{"delta":{"type":"text_delta","text":"Hi"}}', CONTENT),
        (b"content_block_delta", b'{"delta":{"type":"text_delta","text":""}}', NOTHING),
        (b"content_block_delta", b'{"delta":{"type":"thinking_delta","thinking":"hm"}}', CONTENT),
        (b"content_block_stop", b"{}", NOTHING),
        (b"message_delta", b'{"delta":{"stop_reason":"end_turn"}}', NOTHING),
        (b"message_stop", b"{}", TERMINAL),
        (b"error", b'{"error":{"type":"overloaded_error"}}', FAILURE),
        (b"to_be_invented", b"{}", NOTHING),
    ],
)
def test_each_event_means_what_it_means_to_its_reader(
    name: bytes, data: bytes, meaning: int
) -> None:
    """Prelude, content, terminal and failure are told apart by the event's name."""
    assert ANTHROPIC.read is not None
    assert ANTHROPIC.read(name, data) == meaning
