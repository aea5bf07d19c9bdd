"""The events of a body with their times, and the wire faults that a strict reader sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.check.reading.dialect import Speech
from sse_observe.check.reading.event_log import MOST_EVENT_BYTES, EventLog
from sse_observe.wire import Scanner, WireError


def log_of(*pieces: bytes, ends: bool = True) -> EventLog:
    log = EventLog()
    for number, piece in enumerate(pieces):
        log.feed(float(number), piece)
    if ends:
        log.finish()
    return log


@given(st.lists(st.sampled_from([b"data: a", b"\n", b"\r", b"\r\n", b": c", b"id: 1", b"x"])))
def test_any_cut_of_any_body_gives_the_scanner_s_events(pieces: list[bytes]) -> None:
    """The log adds times to the package's own reader, and changes nothing of what it reads."""
    body = b"".join(pieces)
    once = Scanner().feed(body)

    log = EventLog()
    for piece in pieces:
        log.feed(0.0, piece)
    again = [(event.type, event.data) for event in log.events]

    assert again == [(event.type, event.data) for event in once]


def test_an_event_is_whole_when_its_blank_line_comes() -> None:
    """Its first byte and its last have times of their own: that tells who waits for a piece."""
    [seen] = log_of(b"data: fir", b"st\n", b"\n").events

    assert (seen.began_at, seen.at) == (0.0, 2.0)
    assert seen.size == len(b"data: first\n\n")


def test_an_id_is_an_event_s_own_or_none() -> None:
    """A browser shows the last id at every event; only the event that sent it has it."""
    seen = log_of(b"id: 1\ndata: a\n\ndata: b\n\n").events

    assert [event.own_id for event in seen] == ["1", None]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", "bom"),
        (b"data: \xff\xfe\n\n", "utf8"),
        (b"Data: a\n\n", "unknown_field"),
        (b"retry: soon\n\n", "retry"),
        (b"retry: 1\n\n", "retry_range"),
        (b"retry: 86400000\n\n", "retry_range"),
        (b"event: ping\n\n", "no_data"),
        (b"data: " + b"x" * 70_000 + b"\n\n", "large"),
        (b"data: a\rdata: b\n\n", "lone_cr"),
        (b"id: a\0b\ndata: a\n\n", "nul_id"),
        (b"id: " + b"9" * 200 + b"\ndata: a\n\n", "long_id"),
        (b"data: never ended\n", "unfinished"),
    ],
)
def test_a_wire_fault_is_seen(body: bytes, fault: str) -> None:
    """Each deviation from the format is found, with an example."""
    assert log_of(body).faults.keys() == {fault}


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbfdata: a\n\n",
        b": comment\n\ndata\n\nid: 1\n\nretry: 3000\ndata: \xc3\xa4\r\n\r\n",
        b"data: " + "ä".encode() * 200 + b"\n\n",
    ],
)
def test_what_the_standard_allows_is_no_fault(body: bytes) -> None:
    """A BOM at the start, comments, an id alone, CRLF, and long text in UTF-8 are all right."""
    assert log_of(body).faults == {}


def test_crlf_that_is_cut_in_two_is_one_line_end() -> None:
    """No lone CR is seen where its LF is in the next piece."""
    log = log_of(b"data: a\r", b"\n\r", b"\n")

    assert log.faults == {}
    assert [event.data for event in log.events] == ["a"]


def test_an_event_without_end_is_given_up() -> None:
    """A gigabyte on one line takes a megabyte of memory, and then one line says so."""
    log = EventLog()
    for _ in range(15):
        log.feed(0.0, b"x" * (1 << 16))
    with pytest.raises(WireError, match="larger than"):
        log.feed(0.0, b"x" * (1 << 17))

    assert log.faults["large"].times == 1
    assert MOST_EVENT_BYTES < 2 << 20


def test_the_protocol_tells_content_from_prelude() -> None:
    """A first chunk that only names the role brings nothing that a user waits for."""
    log = log_of(
        b'data: {"object":"chat.completion.chunk","choices":[{"delta":{"role":"assistant"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n',
        b"data: [DONE]\n\n",
    )

    assert [event.is_content for event in log.events] == [False, True, False]
    assert log.dialect.name == "openai-chat"
    assert log.terminal_at == 2.0


def test_a_protocol_that_was_named_is_not_guessed() -> None:
    """The user's word goes before what the first event looks like."""
    log = EventLog(Speech(protocol="none"))
    log.feed(0.0, b'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n')

    assert log.content_count == 1


def test_the_greeting_declares_the_heartbeat() -> None:
    """The interval is read from hello, and only if it is one."""
    right = log_of(b'event: sse.hello\ndata: {"heartbeat_seconds": 10}\n\n')
    wrong = log_of(b'event: sse.hello\ndata: {"heartbeat_seconds": true}\n\n')

    assert (right.heartbeat_seconds, wrong.heartbeat_seconds) == (10.0, None)
