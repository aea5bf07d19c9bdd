"""A part of a log: what one answer brings, and what it cannot any more."""

import pytest

from sse_observe.reference.durable_streams.facts import Facts
from sse_observe.reference.durable_streams.logs import Log
from sse_observe.reference.durable_streams.part import Part

FACTS = Facts("text/plain", 1)


def log(*frames: bytes, end: int | None = None, closed: bool = False) -> Log:
    """Return a log that ends at some position."""
    facts = Facts("text/plain", 1, closed=closed)
    return Log("s", facts, "w", len(frames) if end is None else end, frames)


def test_it_leads_behind_its_last_message() -> None:
    """The next request begins there."""
    part = Part(log(b"a", b"b"), 0)
    assert (part.end, part.lost, part.is_up_to_date, part.is_final) == (2, 0, True, False)


def test_messages_that_are_gone_are_counted() -> None:
    """Positions 0 to 2 were asked for, and only 3 and 4 are there."""
    part = Part(log(b"d", b"e", end=5), 0)
    assert (part.first, part.lost) == (3, 3)


def test_one_answer_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long stream comes in pieces; one message is never cut."""
    monkeypatch.setattr("sse_observe.reference.durable_streams.part._CHUNK_BYTES", 3)
    part = Part(log(b"aa", b"bb", b"cc", closed=True), 0)
    assert (part.frames, part.end, part.is_up_to_date, part.is_final) == ((b"aa",), 1, False, False)
    assert Part(log(b"x" * 10), 0).frames == (b"x" * 10,)


def test_a_closed_log_is_final_at_its_end() -> None:
    """Nothing more will ever come."""
    assert Part(log(b"a", closed=True), 0).is_final
