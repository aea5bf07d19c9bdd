"""
The stream contract's words, which its server, its clients and its observer share.

Knows names, numbers and the form of an event id; knows neither bytes on the wire nor metrics.
"""

import re
from typing import NamedTuple

HELLO = "sse.hello"
# The first is the contract's; the others are what other servers call theirs. None of them is
# payload: a hung application must not hide behind its own heartbeats.
HEARTBEATS = ("heartbeat", "ping", "keepalive", "keep-alive")
# The event that ends a stream, and the data that does where events have no names.
DONE = "done"
DONE_DATA = "[DONE]"
# Two heartbeats may be late or lost; the third is missed half an interval later.
SILENT_INTERVALS = 2.5
# The longest time between two beacon reports of a client that has a connection.
REPORT_SECONDS = 60.0

EVENT_ID_FORM = "([0-9]{1,15})-([0-9A-Za-z_-]{1,64})"
"""`<seq>-<epoch>`; 15 digits are the whole numbers that a JavaScript reader holds exactly."""

_match_event_id = re.compile(EVENT_ID_FORM).fullmatch


class EventId(NamedTuple):
    """The position of an event, and the stream in which it stands."""

    seq: int
    epoch: str


def event_id(seq: int, epoch: str) -> str:
    """Return the id of one event as it is written."""
    return f"{seq}-{epoch}"


def parse_event_id(text: str) -> EventId | None:
    """Return what an id says, or None for an id of any other form."""
    found = _match_event_id(text)
    return EventId(int(found[1]), found[2]) if found else None
