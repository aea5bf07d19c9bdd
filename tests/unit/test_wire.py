import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.wire import Event, Scanner, WireError, encode
from tests.support import strategies


def scan(*chunks: bytes, **options) -> list[Event]:
    scanner = Scanner(**options)
    return [event for chunk in chunks for event in scanner.feed(chunk)]


def literal_reader(body: bytes) -> list[Event]:
    """Read a whole stream as slowly and as literally as the standard is written."""
    text = body.decode(errors="replace").removeprefix("\ufeff")
    found, data, kind, last = [], "", "", ""
    lines, line, at = [], "", 0
    while at < len(text):
        if text[at] in "\r\n":
            at += 2 if text.startswith("\r\n", at) else 1
            lines.append(line)
            line = ""
        else:
            line += text[at]
            at += 1
    for line in lines:
        if line == "":
            if data == "":
                kind = ""
                continue
            found.append(Event(kind or "message", data.removesuffix("\n"), last))
            data, kind = "", ""
        elif line[0] != ":":
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data += value + "\n"
            elif name == "event":
                kind = value
            elif name == "id" and "\0" not in value:
                last = value
    return found


@given(strategies.streams())
def test_scanner_agrees_with_a_literal_reader(body):
    """The incremental scanner finds what a character-by-character reading finds."""
    assert literal_reader(body) == scan(body)


@given(st.data())
def test_any_chunking_gives_the_same_events(data):
    """No cut that the network makes changes an event, cursor, delay or comment count."""
    body = data.draw(strategies.streams())
    whole, cut = Scanner(), Scanner()

    expected = whole.feed(body)
    found = [e for chunk in data.draw(strategies.cuts(body)) for e in cut.feed(chunk)]

    assert expected == found
    assert (whole.last_event_id, whole.retry, whole.comments) == (
        cut.last_event_id,
        cut.retry,
        cut.comments,
    )


@given(st.lists(st.tuples(strategies.text, strategies.one_line, strategies.one_line)))
def test_encode_then_scan_is_the_identity(events):
    """Every encoded event comes back, line ends in the data read as LF."""
    wire = b"".join(encode(data, event=kind, id=cursor) for data, kind, cursor in events)

    assert [
        Event(kind or "message", re.sub("\r\n|\r", "\n", data), cursor)
        for data, kind, cursor in events
    ] == scan(wire)


@given(strategies.streams())
def test_bytearray_and_memoryview_read_like_bytes(body):
    """Servers and clients hand over any kind of buffer."""
    assert scan(body) == scan(bytearray(body)) == scan(memoryview(body))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"\xef\xbb\xbfdata: x\n\n", [("message", "x", "")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: x\n\n", []),
        (b"data: x\r\rdata: y\r\n\r\n", [("message", "x", ""), ("message", "y", "")]),
        (b"data\n\ndata\ndata\n\ndata:", [("message", "", ""), ("message", "\n", "")]),
        (b"data:test\n\ndata: test\n\n", [("message", "test", "")] * 2),
        (b": a comment\n\ndata: x\n:another\n\n", [("message", "x", "")]),
        (b"id: 1\n\ndata: x\n\n", [("message", "x", "1")]),
        (b"id: 1\ndata: x\n\nid\ndata: y\n\n", [("message", "x", "1"), ("message", "y", "")]),
        (b"id: 1\ndata: x\n\nid: 2\0\ndata: y\n\n", [("message", "x", "1"), ("message", "y", "1")]),
        (b"event: tick\n\ndata: x\n\n", [("message", "x", "")]),
        (b"event: tick\ndata: x\n\n", [("tick", "x", "")]),
        (b"DATA: x\n data: x\ndata : x\n\n", []),
        (b"data: x\n", []),
        (b"data: \xff\xe2\x82\n\n", [("message", "\ufffd\ufffd", "")]),
    ],
)
def test_interpreting_rules(body, expected):
    """Each rule of the standard that readers are known to break."""
    assert expected == [(e.type, e.data, e.last_event_id) for e in scan(body)]


def test_carriage_return_dispatches_at_once():
    """A CR at a chunk's end ends its line now; the LF that follows is no second line end."""
    assert [Event("message", "x", "")] == scan(b"data: x\r\r")
    assert [Event("message", "x\ny", "")] == scan(b"data: x\r", b"\ndata: y\r", b"\n\r", b"\n")


def test_unfinished_block_leaves_the_cursor_alone():
    """A cursor of an event that never ended would skip that event at the resume."""
    scanner = Scanner(last_event_id="4")
    scanner.feed(b"id: 5\ndata: half")

    assert scanner.last_event_id == "4"


@pytest.mark.parametrize(
    ("body", "delay"),
    [(b"retry: 250\n", 250), (b"retry:7\n", 7), (b"retry: 1e3\n", None), (b"retry: -1\n", None)],
)
def test_retry_takes_ascii_digits_only(body, delay):
    """`1e3` is no number of milliseconds to a browser."""
    scanner = Scanner()
    scanner.feed(body)

    assert delay == scanner.retry


def test_endless_line_and_endless_event_are_refused():
    """A hostile server cannot fill the memory, by one line or by many."""
    lines = (b"data: " + b"x" * 40 + b"\n", b"id: " + b"x" * 40 + b"\n", b"data\n" * 70)
    for chunk in (b"data: " + b"x" * 90, b"x" * 90, *lines):
        with pytest.raises(WireError, match="larger than 100 bytes"):
            scan(*[chunk] * 4, limit=100)


def test_long_lived_stream_of_small_events_stays_under_the_limit():
    """The limit is for one event, not for the connection."""
    scanner = Scanner(limit=100)

    assert sum(len(scanner.feed(b"data: " + b"x" * 50 + b"\n\n")) for _ in range(1000)) == 1000
    scanner.feed(b"id: 7\n\n" * 1000 + b": ping\n" * 1000)
    assert scanner.last_event_id == "7"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"data": "x"}, b"data: x\n\n"),
        ({"data": "a\r\nb\rc\n"}, b"data: a\ndata: b\ndata: c\ndata: \n\n"),
        ({"data": ""}, b"data: \n\n"),
        ({"comment": ""}, b":\n\n"),
        ({"comment": "a\nb"}, b": a\n: b\n\n"),
        ({"retry": 0}, b"retry: 0\n\n"),
        (
            {"data": "é", "id": "1", "event": "tick", "retry": 5},
            b"retry: 5\nid: 1\nevent: tick\ndata: \xc3\xa9\n\n",
        ),
    ],
)
def test_encoded_bytes(fields, expected):
    """The bytes are the documented ones: a proxy's log shows them to people."""
    assert expected == encode(**fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"data": "x", "id": "1\n2"}, "id: .* line end or NUL"),
        ({"data": "x", "id": "1\0"}, "id: .* line end or NUL"),
        ({"data": "x", "event": "a\rb"}, "event: .* line end or NUL"),
        ({"data": "x", "id": 7}, "id: 7 is no text"),
        ({"event": "tick"}, "never be dispatched"),
        ({"data": "x", "retry": -1}, "retry: -1"),
        ({"data": "\ud800"}, "UTF-8"),
        ({}, "nothing to encode"),
    ],
)
def test_encode_refuses_what_no_reader_could_read(fields, words):
    """A forged id or an event that nobody receives is a bug at the sender, named in one line."""
    with pytest.raises(WireError, match=words):
        encode(**fields)


def test_blocks_say_which_id_was_their_own() -> None:
    """An event shows the id before it; an id without data is no event."""
    blocks = Scanner().blocks(b"id: 1\ndata: a\n\ndata: b\n\nid: 2\n\n: c\n\nid:\ndata: d\n\n")

    assert [(b.event and (b.event.data, b.event.last_event_id), b.id) for b in blocks] == [
        (("a", "1"), "1"),
        (("b", "1"), None),
        (None, "2"),
        (("d", ""), ""),
    ]
