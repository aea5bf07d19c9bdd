"""Messages: cut from a body as they are kept, put together as they are read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.reference.durable_streams.facts import Facts
from sse_observe.reference.durable_streams.messages import first_part, joined, messages_of
from sse_observe.reference.replies import RefusedError
from tests.support.durable import refusal_of

AS_JSON = Facts("application/json", 1)
AS_TEXT = Facts("text/plain", 1)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(values, min_size=1), st.sampled_from([None, 1]))
def test_the_elements_of_an_array_are_one_message_each(array: list, indent: int | None) -> None:
    """Whatever they hold, and however they are laid out, they are read back as one array."""
    messages = messages_of(AS_JSON, json.dumps(array, indent=indent).encode())

    assert len(messages) == len(array)
    assert json.loads(joined(AS_JSON, tuple(messages))) == array


@given(st.binary(min_size=1))
def test_bytes_that_are_no_json_are_one_message(body: bytes) -> None:
    """They are kept as they came."""
    assert messages_of(AS_TEXT, body) == [body]


@given(st.binary())
def test_foreign_bytes_are_json_or_refused(body: bytes) -> None:
    """Nothing else can come of them, and what is kept reads as JSON."""
    refusal = refusal_of(lambda: messages_of(AS_JSON, body, creates=True))
    if refusal is not None:
        assert refusal.status == 400
    else:
        json.loads(joined(AS_JSON, tuple(messages_of(AS_JSON, body, creates=True))))


def test_json_that_is_too_deep_is_refused() -> None:
    """A megabyte of brackets costs a line, not the process."""
    with pytest.raises(RefusedError, match="no JSON"):
        messages_of(AS_JSON, b"[" * 1_000_000)


def test_an_empty_array_creates_and_appends_nothing() -> None:
    """It may begin a stream; as an append it is a mistake."""
    assert messages_of(AS_JSON, b"[]", creates=True) == []
    with pytest.raises(RefusedError, match="says nothing"):
        messages_of(AS_JSON, b" [] ")


def test_the_first_part_is_counted_in_messages_or_bytes() -> None:
    """A fork may begin in the middle of a message of bytes."""
    assert first_part(AS_JSON, (b"1", b"2"), 1) == [b"1"]
    assert first_part(AS_TEXT, (b"abc", b"def"), 4) == [b"abc", b"d"]
    for facts, frames in ((AS_JSON, (b"1",)), (AS_TEXT, (b"a",))):
        with pytest.raises(RefusedError, match="behind the stream's end"):
            first_part(facts, frames, 2)
