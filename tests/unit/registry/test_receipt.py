"""The receipt of a stream: what was sent, also after the stream is gone."""

import gc
import weakref

import pytest

from sse_observe.registry.receipt import Receipt


class Sent:
    """A stream under way."""

    events = 3
    id = b"id: 7-k3x9"


def test_it_follows_the_stream_and_lets_go_of_it() -> None:
    """A receipt is kept for hours: what the stream holds must not be."""
    stream, ends = Sent(), list[str | None]()
    receipt = Receipt("192.0.2.1")
    receipt.on_end = lambda one: ends.append(one.reason)
    receipt.begin(stream)
    receipt.update()
    assert (receipt.events, receipt.newest, receipt.is_open) == (3, 7, True)

    stream.events = 5
    receipt.end("completed", readable=True)
    gone = weakref.ref(stream)
    del stream
    gc.collect()

    assert gone() is None
    assert (receipt.events, receipt.reason, receipt.is_open) == (5, "completed", False)
    assert ends == ["completed"]


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (b"id: 7-k3x9", 7),
        (b"id:7", 7),
        (b"id: 7-", 7),
        (b"", -1),
        (b"id: ", -1),
        (b"id: -7", -1),
        (b"id: k3x9-7", -1),
        (b"id: " + b"9" * 16, -1),
        ("id: \u0667".encode(), -1),
    ],
)
def test_the_number_of_an_id_is_what_it_begins_with(line: bytes, number: int) -> None:
    """Ids are the application's, or somebody's who made it repeat them."""
    stream = Sent()
    stream.id = line
    receipt = Receipt()
    receipt.begin(stream)
    receipt.update()

    assert receipt.newest == number
