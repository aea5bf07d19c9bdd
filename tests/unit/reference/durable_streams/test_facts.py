"""Facts of a stream: kept in a few bytes, bounded, and read back as they were."""

import pytest

from sse_observe.reference.durable_streams.facts import Facts, essence, pack, timestamp, unpack


def test_facts_are_read_back_as_they_were() -> None:
    """They outlive the process that wrote them."""
    facts = Facts("application/json", 7, ttl=60, closed=True, closed_by=("p", 1, 2), forks=["f"])
    facts.remember("p", 1, 2)

    assert unpack(pack(facts)) == facts


@pytest.mark.parametrize("note", [b"", b"x", b"\x93\x01\x02\x03"])
def test_another_streams_note_is_none_of_ours(note: bytes) -> None:
    """A store may hold streams of other applications too."""
    assert unpack(note) is None


def test_the_oldest_producer_is_forgotten_for_one_too_many() -> None:
    """Their names come from outside, and stand in every change of the facts."""
    facts = Facts("text/plain", 1)
    for n in range(1005):
        facts.remember(f"p{n}", 0, 0)

    assert len(facts.producers) == 1000
    assert "p4" not in facts.producers
    assert "p1004" in facts.producers


def test_content_types_are_compared_without_their_parameters() -> None:
    """`charset` changes nothing about what a message is."""
    assert essence("Application/JSON; charset=utf-8") == "application/json"
    assert Facts("application/json; x=y", 1).is_json
    assert Facts("text/markdown", 1).is_text
    assert not Facts("application/octet-stream", 1).is_text


@pytest.mark.parametrize(
    "text", ["2026-01-02T03:04:05Z", "2026-01-02t03:04:05z", "2026-01-02T04:04:05.000+01:00"]
)
def test_a_time_of_rfc_3339_is_read(text: str) -> None:
    """With its zone: without one it would mean another time on each host."""
    assert timestamp(text) == 1767323045


@pytest.mark.parametrize("text", ["2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    """Half a time is a mistake of the client's."""
    with pytest.raises(ValueError, match=r"."):
        timestamp(text)
