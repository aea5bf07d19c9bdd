"""
What stands between an application and its server's `send`: a note per message, nothing more.

Together with the counts the message path; the note is all that a message waits for.
"""

from collections.abc import Callable
from typing import Any

from sse_observe.middleware.event_counter import MessageBuffer
from sse_observe.middleware.stream import Stream

# Counting in a warm loop costs half of counting each message as it passes; a longer loop gains
# nothing more.
_COUNT_AT = 64


def sender(
    buffer: MessageBuffer, clock: Callable[[], float], odd: Callable[[Stream, Any], Any]
) -> Callable[[Stream, Any], Any]:
    """
    Return the one function that takes the messages of all streams.

    Bound to a stream it is that stream's `send`: a bound method is a fifth of a closure's size
    and is called as fast. It is no coroutine but hands back the server's own awaitable: a second
    one would cost as much as all the rest. `odd` takes everything but a body message in
    mid-stream.
    """
    pending = buffer.pending
    add = pending.append

    def count_pending() -> None:
        try:
            buffer.count_pending()
        except Exception:  # noqa: BLE001 - a message is never held up by our faults
            buffer.on_error("event_counter")

    def send(stream: Stream, message: Any) -> Any:
        # In a name of its own: called as an attribute it would be looked up as a method.
        inner = stream.inner
        if not stream.live:
            # No stream, or one that is over: none of our business.
            return inner(message) if stream.answered else odd(stream, message)
        try:
            body = message["body"]
            plain = message["more_body"] and type(body) is bytes and body
        except Exception:  # noqa: BLE001 - whatever is strange is the server's to judge
            plain = False
        if not plain:
            return odd(stream, message)
        add((stream, body, clock()))
        if len(pending) >= _COUNT_AT:
            count_pending()
        stream.coro = sent = inner(message)
        return sent

    return send


def transparent(inner: Any) -> Any:
    """
    Return `inner` behind a coroutine, which tells whether it is suspended.

    For servers whose own awaitable does not; costs what the plain function saves elsewhere.
    """

    async def send(message: Any) -> Any:
        return await inner(message)

    return send
