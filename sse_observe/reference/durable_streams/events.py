"""
Messages as an event stream: data events, and after each batch a control event with its offset.

Knows the protocol's events. A gap, for which the protocol has no word here, is said before what
follows it.
"""

import base64
import json
import re

from sse_observe.reference.durable_streams.cursor import next_cursor
from sse_observe.reference.durable_streams.messages import joined
from sse_observe.reference.durable_streams.offset import Offset
from sse_observe.reference.durable_streams.part import Part

_LINE_END = re.compile("\r\n|\r|\n")


def events_of(part: Part, cursor: str) -> bytes:
    """Return messages as events; after each batch stands where it leads."""
    log = part.log
    offset = log.facts.offset
    events = []
    if part.lost:
        # Before what follows, as our own greeting says it.
        events.append(_control(offset(part.first), cursor, lost=part.lost))
    frames = part.frames
    if not log.facts.is_text:
        for number, frame in enumerate(frames[:-1], part.first + 1):
            events.append(_data(base64.b64encode(frame).decode()))
            events.append(_control(offset(number), cursor))
        frames = frames[-1:]
    if frames and log.facts.is_text:
        events.append(_data(joined(log.facts, frames).decode(errors="replace")))
    elif frames:
        events.append(_data(base64.b64encode(frames[0]).decode()))
    if part.is_final:
        events.append(_control(offset(part.end), None, streamClosed=True))
    elif part.is_up_to_date:
        events.append(_control(offset(part.end), cursor, upToDate=True))
    else:
        events.append(_control(offset(part.end), cursor))
    return "".join(events).encode()


def _control(offset: Offset, cursor: str | None, **more: object) -> str:
    fields: dict[str, object] = {"streamNextOffset": str(offset)}
    if cursor is not None:
        fields["streamCursor"] = next_cursor(cursor)
    return f"event: control\ndata:{json.dumps({**fields, **more}, separators=(',', ':'))}\n\n"


def _data(text: str) -> str:
    # A reader drops one space after the colon: only what begins with one needs another.
    lines = _LINE_END.split(text)
    return (
        "event: data\n"
        + "".join(f"data:{' ' if line.startswith(' ') else ''}{line}\n" for line in lines)
        + "\n"
    )
