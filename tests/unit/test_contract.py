"""The contract's words: one form of an event id, read back as it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.contract import DONE, HEARTBEATS, HELLO, EventId, event_id, parse_event_id
from sse_observe.metrics import EVENTS

EPOCHS = st.from_regex(r"[0-9A-Za-z_-]{1,64}", fullmatch=True)


@given(st.integers(0, 10**15 - 1), EPOCHS)
def test_an_event_id_says_what_was_written(seq: int, epoch: str) -> None:
    """Every seq that a JavaScript reader holds exactly comes back, with its epoch."""
    assert parse_event_id(event_id(seq, epoch)) == EventId(seq, epoch)


@pytest.mark.parametrize(
    "text",
    [
        *("", "7", "-7", "7-", "-e", "-1-e", "x-e", "7e", "1.5-e", " 7-e", "7-e ", "7-e\n"),
        *("7-é", "\u0663-e", "9" * 16 + "-e", "7-" + "e" * 65, "7-e\0"),
    ],
    ids=ascii,
)
def test_an_id_of_any_other_form_is_none(text: str) -> None:
    """Nothing is guessed: such an id can only be compared."""
    assert parse_event_id(text) is None


def test_the_contracts_own_events_are_no_payload() -> None:
    """Their names stand for themselves in the metrics, or are never payload by any name."""
    assert {HEARTBEATS[0], DONE} <= set(EVENTS)
    assert not {HELLO, DONE} & set(HEARTBEATS)
