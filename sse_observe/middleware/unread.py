"""
Work that nobody reads: what an application goes on producing for a client that has left.

Counts events as they pass, no more: such bytes are not worth reading. How long it goes on is the
tracker's business.
"""

from collections.abc import Awaitable, Callable

from sse_observe.asgi import Message, Send
from sse_observe.middleware.scan import is_comment


def events_in(body: object) -> int:
    """Return how many events end in a message; a comment that keeps a line warm is none."""
    if not isinstance(body, bytes | bytearray | memoryview):
        return 0
    data = bytes(body)
    ends = data.count(b"\n\n") + data.count(b"\r\n\r\n")
    return 0 if ends and is_comment(data) else ends


def unread(inner: Send, count: Callable[[int], None]) -> Send:
    """Return the server's `send`, which counts the events of messages that nobody reads."""

    def send(message: Message) -> Awaitable[None]:
        if events := events_in(message.get("body")):
            count(events)
        return inner(message)

    return send
