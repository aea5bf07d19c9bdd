"""
The greeting of a connection, as the bytes of a frame or as an event's fields.

Knows the contract's fields and JSON; where their values come from is `current_stream`'s business.
"""

import json
import random
import time
from collections.abc import Mapping
from typing import TypedDict

from sse_observe.contract import HELLO
from sse_observe.metrics import METRICS
from sse_observe.wire import encode

# Half a second wide, so that a fleet that was cut at once does not come back at once; below a
# second, so that a resume takes at most 1.5 s on average.
_RETRY_MS = (500, 1000)


BUCKET_BOUNDS = {
    metric.name: metric.buckets
    for metric in METRICS.values()
    if metric.source == "client" and metric.kind == "histogram"
}
"""The bounds that browsers must count their observations by."""

_json = json.JSONEncoder(separators=(",", ":")).encode
_BOUNDS_TEXT = _json(BUCKET_BOUNDS)


class JsonObject(dict[str, object]):
    """
    A mapping whose text is its JSON.

    Event classes differ in what they do with `data`: FastAPI's makes JSON of it, sse-starlette's
    takes its text. This one comes out the same from both.
    """

    def __str__(self) -> str:
        return _json(self)


class _Greeting(JsonObject):
    """The fields of one greeting, the bounds last: their text is the same in all, and is kept."""

    def __str__(self) -> str:
        fields = dict(self)
        if len(fields) < 2 or fields.popitem() != ("bounds", BUCKET_BOUNDS):
            return super().__str__()
        return f'{_json(fields)[:-1]},"bounds":{_BOUNDS_TEXT}}}'


class EventFields(TypedDict):
    """The fields of one event, under the names that every event class has."""

    event: str
    data: JsonObject
    retry: int


def greeting(fields: Mapping[str, object]) -> EventFields:
    """Return the greeting with these fields, stamped with the time."""
    now = time.time_ns() // 1_000_000
    stamped = _Greeting(fields, server_time=now, bounds=BUCKET_BOUNDS.copy())
    # Not a secret: it only spreads the reconnects.
    retry = random.randint(*_RETRY_MS)  # noqa: S311
    return {"event": HELLO, "data": stamped, "retry": retry}


def frame(event: EventFields) -> bytes:
    """Return an event as it goes over the wire."""
    return encode(str(event["data"]), event=event["event"], retry=event["retry"])
