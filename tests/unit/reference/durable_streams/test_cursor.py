"""Cursors: each answer's is after the one that was sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.reference.durable_streams.cursor import next_cursor


@given(st.integers(0, 10**15 - 1))
def test_a_cursor_always_grows(given_cursor: int) -> None:
    """A cache that keeps an answer by its cursor never answers the same question twice."""
    assert int(next_cursor(str(given_cursor))) > given_cursor


@pytest.mark.parametrize("text", ["", "x", "-1", "1" * 40, "²"])
def test_a_cursor_that_is_none_of_ours_is_passed_over(text: str) -> None:
    """It comes from outside."""
    assert abs(int(next_cursor(text)) - int(next_cursor(""))) <= 1
