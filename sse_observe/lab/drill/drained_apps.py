"""
Streams of hosts that are drained: a feed that any of them goes on with, and answers.

The feed's events follow from the clock alone, so its hosts share nothing.
"""

import asyncio
import time

from sse_observe.asgi import App, Receive, Scope, Send
from sse_observe.contract import event_id, parse_event_id
from sse_observe.draining import drain
from sse_observe.lab.drill.switch import Switch
from sse_observe.middleware.current_stream import current_stream
from sse_observe.wire import encode

DRAIN_SECONDS = 12.0
ANSWER = "/answer"
"""What follows the path of the feed for an answer that ends."""
WORDS = 8
_EPOCH = "fleet"
_PAUSE = 0.5
# Hundreds read it, and what they prove does not depend on its pace.
_EVENT_SECONDS = 2.0
_HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
_HEADERS.append((b"x-accel-buffering", b"no"))


def anywhere(switch: Switch) -> App:  # noqa: ARG001 - nothing breaks
    """Serve the feed, and answers below it; a host that is drained lets both end."""
    return drain(_streams, seconds=DRAIN_SECONDS)


async def _streams(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - drained, it is cancelled
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    respond = _answer if scope["path"].endswith(ANSWER) else _feed
    await respond(scope, send)


async def _answer(_: Scope, send: Send) -> None:
    for number in range(WORDS):
        await _write(send, encode(f"word {number}"))
        await asyncio.sleep(_PAUSE)
    await _write(send, encode("{}", event="done"), more=False)


async def _feed(scope: Scope, send: Send) -> None:
    await _write(send, current_stream().hello())
    following = _cursor(scope) or _clock()
    while True:
        now = _clock()
        events = (encode("tick", id=event_id(n, _EPOCH)) for n in range(following, now))
        if body := b"".join(events):
            await _write(send, body)
            following = now
        await asyncio.sleep(_PAUSE)


def _clock() -> int:
    """Return the number of the event that is due by now."""
    return int(time.time() / _EVENT_SECONDS)


def _cursor(scope: Scope) -> int | None:
    """Return the number of the first event that a client has not seen."""
    found = dict(scope["headers"]).get(b"last-event-id")
    cursor = None if found is None else parse_event_id(found.decode("latin-1"))
    return None if cursor is None else cursor.seq + 1


async def _write(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})
