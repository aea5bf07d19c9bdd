"""Gemini: what each chunk means to a user who waits."""

import pytest

from sse_observe.middleware.protocols.gemini import GEMINI
from sse_observe.middleware.protocols.model import CONTENT, FAILURE, NOTHING, TERMINAL

BOTH = CONTENT | TERMINAL
MEANINGS = [
    (b'{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}', CONTENT),
    (b'{"candidates":[{"content":{"parts":[{"text":""}]}}]}', NOTHING),
    (b'{"candidates":[{"content":{"parts":[{"functionCall":{}}]}}]}', CONTENT),
    (b'{"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"s"}]}}]}', NOTHING),
    (b'{"candidates":[{"finishReason":"STOP"}]}', TERMINAL),
    (b'{"candidates":[{"content":{"parts":[{"text":"."}]},"finishReason":"STOP"}]}', BOTH),
    (b'{"candidates":[{"finishReason":"MAX_TOKENS"}]}', TERMINAL),
    (b'{"promptFeedback":{"blockReason":"SAFETY"}}', TERMINAL),
    (b'{"usageMetadata":{}}', NOTHING),
    (b'{"error":{"code":503,"status":"UNAVAILABLE"}}', FAILURE),
    (b"not JSON", CONTENT),
]


@pytest.mark.parametrize(("data", "meaning"), MEANINGS)
def test_each_message_means_what_it_means_to_its_reader(data: bytes, meaning: int) -> None:
    """Prelude, content, terminal and failure are told apart by what the protocol says."""
    assert GEMINI.read is not None
    assert GEMINI.read(b"", data) == meaning
