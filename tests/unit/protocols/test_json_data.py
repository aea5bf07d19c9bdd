"""JSON as far as it was kept: what a client reads, and the beginning of what was cut."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.protocols.json_data import as_json, closed, objects

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
values = st.recursive(
    scalars,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside),
    max_leaves=12,
)


@pytest.mark.parametrize("data", [b"[" * 100_000, b"7", b"null", b"\xff", b"", b'{"a":1}x', b"{a}"])
def test_what_is_no_object_is_nothing(data: bytes) -> None:
    """Deep nesting and bytes that are no text are answered, not raised."""
    assert as_json(data) is None


def test_an_object_is_read_as_clients_read_it() -> None:
    """Half of an emoji and bytes that are no UTF-8 stop no client, and no error is missed."""
    assert as_json(rb'{"error":{"message":"\ud83d"}}') == {"error": {"message": "\ud83d"}}
    assert as_json(b'{"error":"\xff"}') == {"error": "\ufffd"}


def test_only_objects_of_a_list_are_read() -> None:
    """A list may hold anything, and a field may be no list."""
    assert objects([1, {"a": 1}, None]) == [{"a": 1}]
    assert objects({"a": 1}) == []


@given(st.dictionaries(st.text(max_size=5), values, min_size=1), st.data())
def test_a_beginning_says_what_the_whole_says_so_far(whole: dict, data: st.DataObject) -> None:
    """Wherever it is cut: the members that stand before the cut are the whole's own."""
    text = json.dumps(whole, ensure_ascii=data.draw(st.booleans()))
    cut = text[: data.draw(st.integers(1, len(text) - 1))]

    try:
        found = json.loads(closed(cut))
    except ValueError:
        # Half of an escape or a word; whoever asks takes it for nothing.
        return
    assert is_beginning(found, whole)


def is_beginning(part: object, whole: object) -> bool:
    """Tell whether a value is what is left of another one after a cut."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and is_beginning(part[key], whole[key]) for key in part)
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(map(is_beginning, part, whole))
    if isinstance(part, str) and isinstance(whole, str):
        # The first half of a surrogate pair is no beginning of the character.
        return whole.startswith(part.rstrip("".join(map(chr, range(0xD800, 0xDC00)))))
    return part == whole


@pytest.mark.parametrize(
    ("cut", "found"),
    [
        ('{"error":{"message":"a long te', {"error": {"message": "a long te"}}),
        ('{"type":"error","errorText":"an esc\\u00', {"type": "error", "errorText": "an esc"}),
        ('{"type":"error","errorT', {"type": "error"}),
        (
            '{"choices":[{"delta":{"content":"x"}},{"de',
            {"choices": [{"delta": {"content": "x"}}, {}]},
        ),
        ('{"a":[1,"b', {"a": [1, "b"]}),
        ('{"a":', {}),
    ],
)
def test_what_was_open_is_closed(cut: str, found: dict) -> None:
    """A string, then lists and objects; a name without a value goes."""
    assert as_json(cut.encode()) == found


@pytest.mark.parametrize(
    "text", ["x", '{"a":1}', '{"a":1}}', '{"a":]', "[" * 40, "{" + ' "",' * 2000]
)
def test_what_is_not_worth_its_time_is_refused(text: str) -> None:
    """Nothing that is hostile costs more than a few hundred steps."""
    with pytest.raises(ValueError, match=r"."):
        closed(text)
