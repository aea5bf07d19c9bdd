"""The phrases of each protocol mean to our own readers what they are meant to say."""

import pytest

from sse_observe.check.reading.dialect import Speech
from sse_observe.check.reading.event_log import EventLog
from sse_observe.check.truth.phrases import PHRASES
from sse_observe.protocols import NONE, PROTOCOLS


def test_every_protocol_can_be_scripted() -> None:
    """A new protocol needs its phrases."""
    assert set(PHRASES) == {NONE.name, *PROTOCOLS}


@pytest.mark.parametrize("protocol", PHRASES)
def test_phrases_are_recognised_by_themselves(protocol: str) -> None:
    """The opening is no content, each piece is, and the end is the terminal of that protocol."""
    phrases, log = PHRASES[protocol], EventLog(Speech(terminal_events=("done",)))
    log.feed(0.0, "".join(phrases.opening).encode())
    assert log.content_count == 0
    for number in range(3):
        log.feed(1.0, phrases.says(f'piece "{number}"'))
    assert log.content_count == 3
    assert log.terminal_at is None
    log.feed(2.0, "".join(phrases.end).encode())

    assert log.dialect.name == protocol
    assert log.terminal_at == 2.0
    assert 'piece \\"1\\"' in log.content[1].data


@pytest.mark.parametrize("protocol", [name for name in PHRASES if name != "mcp"])
def test_a_failure_is_read_as_one(protocol: str) -> None:
    """In each protocol but MCP, whose error is an answer like any other."""
    phrases, log = PHRASES[protocol], EventLog(Speech())
    log.feed(0.0, "".join(phrases.opening).encode() + phrases.says("a") + phrases.fails("over"))

    assert log.events[-1].is_failure
