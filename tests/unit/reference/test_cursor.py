"""Cursors and names: what was minted is read back, what nobody minted is None."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.contract import event_id
from sse_observe.reference.cursor import Cursor, new_epoch, new_stream_id, parse_cursor


@given(st.integers(0, 10**15 - 1))
def test_a_cursor_names_an_event_with_or_without_its_stream(seq: int) -> None:
    """An id as it was sent, or the number that a simple client made of it."""
    epoch = new_epoch()

    assert parse_cursor(event_id(seq, epoch)) == Cursor(seq, epoch)
    assert parse_cursor(str(seq)) == Cursor(seq)


def test_minus_one_comes_before_every_event() -> None:
    """A client that was greeted and got nothing is resuming all the same."""
    assert parse_cursor("-1") == Cursor(-1)


@given(st.text(max_size=200))
def test_nothing_that_a_stranger_sends_raises(text: str) -> None:
    """It is a cursor of one of the two forms, or None."""
    found = parse_cursor(text)

    assert found is None or re.fullmatch("(-1|[0-9]+)(-[0-9A-Za-z_-]+)?", text)


@pytest.mark.parametrize("text", ["", "-2", "1.5", "9e99", "1" * 129, "1-" + "e" * 127, "1- e"])
def test_what_nobody_minted_is_no_cursor(text: str) -> None:
    """It is not guessed at."""
    assert parse_cursor(text) is None


def test_names_are_short_random_and_safe_in_a_url() -> None:
    """A thousand of them are all different, and need no escape."""
    for new in (new_epoch, new_stream_id):
        names = {new() for _ in range(1000)}
        assert len(names) == 1000
        assert all(re.fullmatch("[0-9A-Za-z_-]{16,22}", name) for name in names)
