"""The end that a stream states of itself: the last word counts."""

import pytest

from sse_observe.consumer import Event
from sse_observe.consumer.statement import End, Statement

CHAT = '{"choices":[{"delta":{"content":"x"}}]}'
CHAT_STOP = '{"choices":[{"delta":{},"finish_reason":"stop"}]}'
CHAT_USAGE = '{"choices":[],"usage":{"total_tokens":9}}'
CHAT_ERROR = '{"error":{"message":"overloaded"}}'


def state(*events: tuple[str, str] | str, **options: object) -> tuple[End | None, bool]:
    """Return the end that these events state, and whether the last of them is the last."""
    statement = Statement(**options)  # type: ignore[arg-type]
    is_last = False
    for event in events:
        kind, data = event if isinstance(event, tuple) else ("message", event)
        is_last = statement.take(Event(kind, data, ""))
    return statement.end, is_last


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([CHAT], (None, False)),
        ([CHAT, CHAT_STOP], (End.WHOLE, False)),
        ([CHAT, CHAT_STOP, CHAT_USAGE], (End.WHOLE, False)),
        ([CHAT, CHAT_STOP, CHAT_USAGE, "[DONE]"], (End.WHOLE, True)),
        ([CHAT, CHAT_ERROR], (End.FAILED, False)),
        ([CHAT, CHAT_ERROR, "[DONE]"], (End.FAILED, True)),
        ([CHAT, CHAT_STOP, CHAT_ERROR], (End.FAILED, False)),
        ([CHAT, CHAT_ERROR, CHAT], (None, False)),
        ([("message_start", "{}"), ("message_stop", "{}")], (End.WHOLE, False)),
        ([("message_start", "{}"), ("error", "{}")], (End.FAILED, False)),
        ([("response.created", "{}"), ("response.completed", "{}")], (End.WHOLE, False)),
        ([("response.created", "{}"), ("response.failed", "{}")], (End.FAILED, False)),
        (['{"type":"start"}', '{"type":"abort"}'], (End.STOPPED, False)),
        (['{"type":"start"}', '{"type":"abort"}', "[DONE]"], (End.STOPPED, True)),
        (['{"type":"RUN_STARTED"}', '{"type":"RUN_ERROR"}'], (End.FAILED, False)),
        (["x", ("done", "")], (End.WHOLE, True)),
        (["done"], (None, False)),
        ([("error", "x")], (End.FAILED, False)),
        ([("error", "x"), "y"], (None, False)),
    ],
)
def test_the_end_is_the_last_word(
    events: list[tuple[str, str] | str], expected: tuple[End | None, bool]
) -> None:
    """Of each protocol, as its observer reads it."""
    assert state(*events) == expected


def test_what_is_declared_replaces_custom() -> None:
    """A feed of errors, and a terminal of one's own."""
    assert state(("error", "x"), error_events=()) == (None, False)
    assert state(("done", "x"), terminal_events=("end",)) == (None, False)
    assert state(("end", "x"), terminal_events=("end",)) == (End.WHOLE, True)


def test_a_protocol_may_be_named_by_the_caller_or_by_a_header() -> None:
    """Then the first event need not show it."""
    stop = '{"type":"finish"}'

    assert state(stop) == (None, False)
    assert state(stop, protocol_name="ai-sdk") == (End.WHOLE, False)
    assert state(CHAT, CHAT_ERROR, protocol_name="none") == (None, False)

    statement = Statement()
    statement.answered({"x-vercel-ai-ui-message-stream": "v1"})
    statement.take(Event("message", stop, ""))
    assert statement.end is End.WHOLE


def test_another_connection_begins_without_an_end() -> None:
    """Its protocol stays known, and so does that there was content."""
    statement = Statement()
    for data in (CHAT, CHAT_STOP):
        statement.take(Event("message", data, ""))
    statement.connected()

    assert statement.end is None
    assert statement.has_content
    statement.take(Event("message", CHAT_USAGE, ""))
    assert statement.end is None
