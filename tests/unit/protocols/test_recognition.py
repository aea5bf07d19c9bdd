"""A protocol is recognised by one look at a stream's first event, or by a header."""

import pytest

from sse_observe.protocols import NONE, PROTOCOLS, UNRECOGNISED
from sse_observe.protocols.recognition import may_be_known, recognise_event, recognise_response

FIRST = {
    "openai-chat": (b"", b'{"id":"c","object":"chat.completion.chunk","choices":[]}'),
    "openai-responses": (b"response.created", b'{"type":"response.created"}'),
    "anthropic": (b"message_start", b'{"type":"message_start"}'),
    "ai-sdk": (b"", b'{"type":"start"}'),
    "ag-ui": (b"", b'{ "type" : "RUN_STARTED" }'),
    "gemini": (b"", b'{"candidates":[{}]}'),
    "mcp": (b"", b'{"jsonrpc":"2.0","id":1,"result":{}}'),
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_each_protocol_is_recognised_by_its_first_event(name: str) -> None:
    """One look at the first event tells; a new protocol needs its line here."""
    event, data = FIRST[name]

    assert recognise_event(event, data).name == name
    assert event or may_be_known(data)


@pytest.mark.parametrize(
    "data",
    [
        *(b"hello", b'{"text":"x"}', b"[1]", b'{"type":"token"}', b'{"error":null}'),
        b'{"error":"none found","results":[]}',
        # A quiz, a poll.
        *(b'{"choices":["a","b"]}', b'{"choices":[{"text":"a"}]}', b'{"choices":[]}'),
        *(b'{"candidates":2}', b'{"jsonrpc":"1.0"}', b'{"type":"response.x"}'),
    ],
)
def test_anything_else_is_none_of_them(data: bytes) -> None:
    """An application's own events are content, whatever they are called."""
    assert recognise_event(b"", data) is NONE
    assert recognise_event(b"tick", data) is NONE


@pytest.mark.parametrize("data", [b"", b'{"error":"x"}', b'{"error":{"code":1},"choices":[]}'])
def test_what_shows_no_protocol_leaves_the_question_to_the_next(data: bytes) -> None:
    """An id without data, or an error alone, may begin a stream of any protocol."""
    assert recognise_event(b"", data) is UNRECOGNISED


def test_a_header_of_the_answer_names_its_protocol() -> None:
    """Whatever the case of its letters; other headers name none."""
    named = recognise_response([(b"X-Vercel-AI-UI-Message-Stream", b"v1")])

    assert named is PROTOCOLS["ai-sdk"]
    assert recognise_response([(b"content-type", b"text/event-stream")]) is None
