"""
What stands between an application and its server's `send`: a note per message, nothing more.

Together with the tally the message path; the note is all that a message waits for.
"""

from collections.abc import Callable
from typing import Any

from sse_observe.stream import Stream
from sse_observe.tally import Notes

# Counting in a warm loop costs half of counting each message as it passes; a longer loop gains
# nothing more.
_DRAIN_AT = 64


def sender(  # noqa: C901 - four small functions that share their names
    notes: Notes,
    clock: Callable[[], float],
    odd: Callable[[Stream, Any, Any], Any],
    *,
    timed: bool = False,
) -> Callable[[Stream, Any], Any]:
    """
    Return what wraps a server's `send` for one stream.

    The wrapper is a plain function that hands back the server's own awaitable: a second
    coroutine would cost as much as all the rest. `odd` takes everything but a body message in
    mid-stream. `timed` is for servers whose awaitable does not tell whether it is suspended:
    there each send is timed, which costs the second coroutine. All names but the stream and the
    inner `send` are shared by every wrapper.
    """
    pending = notes.pending
    note = pending.append

    def drain() -> None:
        try:
            notes.drain()
        except Exception:  # noqa: BLE001 - a message is never held up by our faults
            notes.fault("tally")

    def wrap(stream: Stream, inner: Any) -> Any:
        def send(message: Any) -> Any:
            if not stream.live:
                # No stream, or one that is over: none of our business.
                return inner(message) if stream.answered else odd(stream, message, inner)
            try:
                body = message["body"]
                plain = message["more_body"] and type(body) is bytes and body
            except Exception:  # noqa: BLE001 - whatever is strange is the server's to judge
                plain = False
            if not plain:
                return odd(stream, message, inner)
            note((stream, body, clock()))
            if len(pending) >= _DRAIN_AT:
                drain()
            stream.coro = sent = inner(message)
            return sent

        return send

    def wrap_timed(stream: Stream, inner: Any) -> Any:
        async def timed_inner(message: Any) -> Any:
            began = clock()
            try:
                return await inner(message)
            finally:
                if stream.live:
                    with notes.lock:
                        stream.tally.blocked_seconds += clock() - began

        return wrap(stream, timed_inner)

    return wrap_timed if timed else wrap
