"""One event that is read in full: no oftener than it must be, and remembered if it is plain."""

from collections.abc import Callable

import pytest

from sse_observe import StreamRoute
from sse_observe.middleware.event_counter import MessageBuffer
from sse_observe.middleware.event_reading import is_known
from sse_observe.middleware.route_counts import RouteCounts
from sse_observe.middleware.stream import Stream
from sse_observe.protocols import json_data
from tests.support.upstreams import CHUNK, DONE, STOP


class Streams:
    """Streams of one route on the message path."""

    def __init__(self) -> None:
        self.counts = RouteCounts("/s", StreamRoute())
        self.buffer = MessageBuffer(pytest.fail)

    def stream(self, *messages: bytes) -> Stream:
        """Return a stream whose messages are counted."""
        stream = Stream()
        stream.asked_at, stream.asking = 0.0, False
        stream.begin(self.counts, ("all", "unknown"), 0.0)
        for at, message in enumerate(messages):
            self.buffer.pending.append((stream, message, float(at)))
        self.buffer.count_pending()
        return stream


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return what is decoded as JSON from now on."""
    found: list[bytes] = []
    decode: Callable[[bytes], object] = json_data._decode

    def kept(data: bytes) -> object:
        found.append(data)
        return decode(data)

    monkeypatch.setattr(json_data, "_decode", kept)
    json_data._latest[0] = b"", None
    return found


def test_an_event_is_decoded_once_and_those_like_it_never(decoded: list[bytes]) -> None:
    """Its protocol, its meaning and the short path ask for the same; the rest looks alike."""
    stream = Streams().stream(*[CHUNK] * 5, STOP + DONE)

    assert decoded == [CHUNK[6:-2], STOP[6:-2]]
    assert (stream.events, stream.terminal) == (7, True)


def test_the_last_piece_is_decoded_where_it_may_be_the_end(decoded: list[bytes]) -> None:
    """Content and terminal in one: the short path leaves it to whoever asks how it ended."""
    last = CHUNK.replace(b"}}]", b'},"finish_reason":"stop"}]')
    stream = Streams().stream(CHUNK, CHUNK.replace(b"}}]", b'},"finish_reason":null}]'), last)
    assert decoded == [CHUNK[6:-2]]

    stream.read_last()

    assert decoded == [CHUNK[6:-2], last[6:-2]]
    assert stream.terminal


def test_an_empty_piece_is_read_in_full(decoded: list[bytes]) -> None:
    """Whatever the protocol, it begins like content and brings none."""
    empty = b'data: {"type":"text-delta","id":"0","delta":""}\n\n'
    begin, piece = b'data: {"type":"start"}\n\n', empty.replace(b'""', b'"a"')
    stream = Streams().stream(begin, piece, piece, empty)

    assert len(decoded) == 3
    assert stream.payload_at == 2.0


def test_a_message_is_known_by_its_head_once_it_was_read() -> None:
    """Several data lines, or an id after them, need no parser the second time."""
    streams = Streams()
    message = b"event: tick\ndata: a\ndata: b\nid: 7\n\n"
    stream = streams.stream()
    assert stream.reader is None

    stream = streams.stream(message.replace(b"\ndata: b", b""), message)

    assert stream.reader is not None
    assert is_known(stream, stream.reader, message, 0.0)
    assert (stream.events, stream.id) == (3, b"id: 7")
