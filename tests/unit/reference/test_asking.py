"""The contract that a client asks for, and its cursor: from headers and query."""

from typing import Any

import pytest

from sse_observe.reference.asking import asks_for_contract, cursor_text


def scope(query: str = "", **headers: str) -> Any:
    pairs = [(k.replace("_", "-").encode(), v.encode("latin-1")) for k, v in headers.items()]
    return {"headers": pairs, "query_string": query.encode("latin-1")}


@pytest.mark.parametrize(
    "asked",
    [
        scope(accept="text/event-stream;resumable=1"),
        scope(accept="application/json, Text/Event-Stream ; Resumable"),
        scope(sse_resumable="1"),
        scope(last_event_id="5-abc"),
        scope("resumable=1"),
        scope("a=b&last_event_id="),
    ],
)
def test_these_ask(asked: Any) -> None:
    """By a parameter of Accept, by a header, by a cursor, by the query."""
    assert asks_for_contract(asked)


@pytest.mark.parametrize(
    "asked",
    [
        scope(),
        scope(accept="text/event-stream"),
        scope(accept="*/*;resumable=1"),
        scope(accept="text/event-stream;q=0.5, application/json;resumable=1"),
        scope("stream=1&resumables=1"),
        scope("a=1&" * 60 + "resumable=1"),
    ],
)
def test_these_do_not(asked: Any) -> None:
    """A client that knows nothing of us is not taken for one that does."""
    assert not asks_for_contract(asked)


def test_the_header_is_the_newer_cursor() -> None:
    """A browser repeats its URL, and with it the cursor of its first request."""
    assert cursor_text(scope("last_event_id=1-a", last_event_id="9-a")) == "9-a"
    assert cursor_text(scope("last_event_id=1-a")) == "1-a"
    assert cursor_text(scope()) == ""
