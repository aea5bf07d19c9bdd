"""
Between an application and its server's `send`: each message is put into the buffer, no more.

Together with `event_counter` the message path; a message waits for nothing but this.
"""

from collections.abc import Awaitable, Callable

from sse_observe.asgi import Message, Send
from sse_observe.middleware.event_counter import MessageBuffer
from sse_observe.middleware.stream import Stream

# Counting in a warm loop costs half of counting each message as it passes; a longer loop gains
# nothing more.
_COUNT_AT = 64


StreamSend = Callable[[Stream, Message], Awaitable[None]]


def sender(
    buffer: MessageBuffer, clock: Callable[[], float], handle_other: StreamSend
) -> StreamSend:
    """
    Return the one function that takes the messages of all streams.

    Bound to a stream it is that stream's `send`: a bound method is a fifth of a closure's size
    and is called as fast. It is no coroutine but hands back the server's own awaitable: a second
    one would cost as much as all the rest. `handle_other` takes everything but a body message in
    mid-stream.
    """
    pending = buffer.pending
    add = pending.append

    def count_pending() -> None:
        try:
            buffer.count_pending()
        except Exception:  # noqa: BLE001 - our errors never hold up a message
            buffer.on_error("event_counter")

    def send(stream: Stream, message: Message) -> Awaitable[None]:
        # In a name of its own: called as an attribute it would be looked up as a method.
        inner = stream.inner
        if not stream.live:
            # No stream, or one that is over: none of our business.
            return inner(message) if stream.answered else handle_other(stream, message)
        try:
            body = message["body"]
            plain = message["more_body"] and type(body) is bytes and body
        except Exception:  # noqa: BLE001 - whatever is strange is the server's to judge
            plain = False
        if not plain:
            return handle_other(stream, message)
        add((stream, body, clock()))
        if len(pending) >= _COUNT_AT:
            count_pending()
        stream.coro = sent = inner(message)
        return sent

    return send


def transparent(inner: Send) -> Send:
    """
    Return `inner` behind a coroutine, which tells whether it is suspended.

    For servers whose own awaitable does not; costs what the plain function saves elsewhere.
    """

    async def send(message: Message) -> None:
        await inner(message)

    return send
