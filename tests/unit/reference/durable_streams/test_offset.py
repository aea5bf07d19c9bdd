"""Offsets: one opaque value of position and epoch, sorted as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.reference.durable_streams.offset import Offset, new_epoch, parse_offset

OFFSETS = st.builds(Offset, st.integers(0, 10**16 - 1), st.integers(1, 10**16 - 1))


@given(OFFSETS)
def test_an_offset_is_read_back(offset: Offset) -> None:
    """Clients send it as they got it."""
    assert parse_offset(str(offset)) == offset


@given(OFFSETS, OFFSETS)
def test_offsets_sort_as_their_positions(one: Offset, other: Offset) -> None:
    """Clients may compare them as text."""
    if one.position != other.position:
        assert (str(one) < str(other)) == (one.position < other.position)


@pytest.mark.parametrize("text", ["", "1", "1_", "_1", "1_2_3", "-1_2", "1_2\n", "²_1", "1" * 17])
def test_what_no_server_of_ours_wrote_is_none(text: str) -> None:
    """It comes from outside."""
    assert parse_offset(text) is None


def test_epochs_differ() -> None:
    """A stream that takes a deleted one's name is another one."""
    assert len({new_epoch() for _ in range(100)}) == 100
