"""OpenAI chat completions: what each chunk means to a user who waits."""

import pytest

from sse_observe.middleware.protocols.model import CONTENT, FAILURE, NOTHING, TERMINAL
from sse_observe.middleware.protocols.openai_chat import OPENAI_CHAT

MEANINGS = [
    (b'{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}', NOTHING),
    (b'{"choices":[{"delta":{"role":"assistant","content":null}}]}', NOTHING),
    (b'{"choices":[],"usage":{"total_tokens":9}}', NOTHING),
    (b'{"choices":[],"prompt_filter_results":[]}', NOTHING),
    (b'{"choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}', CONTENT),
    (b'{"choices":[{"delta":{"reasoning_content":"hm"}}]}', CONTENT),
    (b'{"choices":[{"delta":{"reasoning":"hm"}}]}', CONTENT),
    (b'{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}', CONTENT),
    (b'{"choices":[{"delta":{"refusal":"no"}}]}', CONTENT),
    (b'{"choices":[{"text":"Hi"}]}', CONTENT),
    (b'{"choices":[{"text":""}]}', NOTHING),
    (b'{"choices":[{"delta":{},"finish_reason":"stop"}]}', TERMINAL),
    (b'{"choices":[{"delta":{},"finish_reason":"length"}]}', TERMINAL),
    (b'{"choices":[{"delta":{"content":"."},"finish_reason":"stop"}]}', CONTENT | TERMINAL),
    (b'{"error":{"message":"overloaded"}}', FAILURE),
    (b'{"error":"overloaded"}', FAILURE),
    (b'{"error":{"code":502},"choices":[]}', FAILURE),
    (b'{"error":{"code":1},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}', FAILURE),
    (b'{"error":{"code":1},"choices":[{"delta":{"content":"Hi"}}]}', CONTENT),
    (b'{"error":null,"choices":[{"delta":{"content":"Hi"}}]}', CONTENT),
    (b'{"error":"","choices":[{"delta":{"content":""}}]}', NOTHING),
    (b'{"choices":"strange","error":7}', NOTHING),
    (b"not JSON", CONTENT),
]


@pytest.mark.parametrize(("data", "meaning"), MEANINGS)
def test_each_message_means_what_it_means_to_its_reader(data: bytes, meaning: int) -> None:
    """Prelude, content, terminal and failure are told apart by what the protocol says."""
    assert OPENAI_CHAT.read is not None
    assert OPENAI_CHAT.read(b"", data) == meaning


def test_a_beginning_stands_before_content_that_is_not_empty() -> None:
    """The short path takes what begins like this for content, without reading it."""
    assert OPENAI_CHAT.beginning is not None
    chunk = b' {"id":"c","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}'
    empty = chunk.replace(b'"Hi"', b'""')
    tricked = b'{"id":"\\"delta\\":{\\"content\\":\\"","choices":[]}'

    assert OPENAI_CHAT.beginning(chunk) == chunk[: chunk.index(b"Hi")]
    assert OPENAI_CHAT.beginning(empty) is None
    assert OPENAI_CHAT.beginning(tricked) is None
