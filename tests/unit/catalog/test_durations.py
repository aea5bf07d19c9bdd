"""Durations as Prometheus writes them, read and written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.catalog.durations import duration, seconds


@given(st.integers(min_value=1, max_value=10**11))
def test_duration_reads_back_what_it_writes(milliseconds: int) -> None:
    """Every duration that a rule is given means the seconds that were meant."""
    assert seconds(duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


@given(st.text(max_size=12))
def test_foreign_text_is_a_duration_or_a_clear_no(text: str) -> None:
    """Nothing but ValueError ever comes out of a bad duration."""
    try:
        length = seconds(text)
    except ValueError:
        length = 1.0

    assert length > 0
