"""OpenAI Responses: what each event means to a user who waits."""

import pytest

from sse_observe.middleware.protocols.model import (
    CONTENT,
    CONTENT_IF_FIRST,
    FAILURE,
    NOTHING,
    TERMINAL,
)
from sse_observe.middleware.protocols.openai_responses import OPENAI_RESPONSES


@pytest.mark.parametrize(
    ("name", "data", "meaning"),
    [
        (b"response.created", b"{}", NOTHING),
        (b"response.queued", b"{}", NOTHING),
        (b"response.in_progress", b"{}", NOTHING),
        (b"response.output_item.added", b"{}", NOTHING),
        (b"response.content_part.added", b"{}", NOTHING),
        (b"response.output_text.delta", b'{"delta":"Hi"}', CONTENT),
        (b"response.output_text.delta", b'{"delta":""}', NOTHING),
        (b"response.reasoning_summary_text.delta", b'{"delta":"hm"}', CONTENT),
        (b"response.function_call_arguments.delta", b'{"delta":"{"}', CONTENT),
        (b"response.output_text.done", b'{"text":"Hi"}', NOTHING),
        (b"response.output_item.done", b"{}", CONTENT_IF_FIRST),
        (b"response.completed", b"{}", TERMINAL),
        (b"response.incomplete", b"{}", TERMINAL),
        (b"response.failed", b"{}", FAILURE),
        (b"error", b"{}", FAILURE),
    ],
)
def test_each_event_means_what_it_means_to_its_reader(
    name: bytes, data: bytes, meaning: int
) -> None:
    """Prelude, content, terminal and failure are told apart by the event's name."""
    assert OPENAI_RESPONSES.read is not None
    assert OPENAI_RESPONSES.read(name, data) == meaning
