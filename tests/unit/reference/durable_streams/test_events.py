"""Messages as events: any text survives the way, and a gap is said first."""

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from sse_observe.reference.durable_streams.events import events_of
from sse_observe.reference.durable_streams.facts import Facts
from sse_observe.reference.durable_streams.logs import Log
from sse_observe.reference.durable_streams.part import Part
from sse_observe.wire import Event, Scanner


def events(
    *frames: bytes, content_type: str = "text/plain", end: int | None = None, closed: bool = False
) -> list[Event]:
    """Return the events of a whole log."""
    facts = Facts(content_type, 5, closed=closed)
    last = len(frames) if end is None else end
    return Scanner().feed(events_of(Part(Log("s", facts, "w", last, frames), 0), ""))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1))
def test_any_text_survives_the_way(text: str) -> None:
    """Lines, leading spaces and all; a lone CR becomes a line end, as the format has it."""
    (found, control) = events(text.encode())
    assert (found.type, found.data) == ("data", text)
    assert control.type == "control"


@given(st.lists(st.binary(min_size=1), min_size=1, max_size=4))
def test_bytes_go_as_base64_one_event_each(frames: list[bytes]) -> None:
    """Each is followed by its own offset, so that a client may stop after any."""
    found = events(*frames, content_type="application/octet-stream")
    sent = [base64.b64decode(event.data) for event in found if event.type == "data"]
    assert sent == frames
    assert len(found) == 2 * len(frames)


def test_a_gap_is_said_before_what_follows_it() -> None:
    """The protocol has no word for it; a client that does not know ours reads on."""
    found = events(b"d", end=4)
    gap, _, after = (json.loads(e.data) if e.type == "control" else e for e in found)
    assert gap["lost"] == 3
    assert gap["streamNextOffset"].startswith("0000000000000003_")
    assert after["streamNextOffset"].startswith("0000000000000004_")


def test_the_end_is_said() -> None:
    """A closed stream needs no cursor any more."""
    control = json.loads(events(b"a", closed=True)[-1].data)
    assert control["streamClosed"] is True
    assert "streamCursor" not in control
