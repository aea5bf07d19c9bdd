"""
How a stream ended: one reason, from what its application, its client and its server showed.

Decides; keeps only that streams of a route end with a terminal. How servers and frameworks show an
ending is known here and nowhere else.
"""

from collections.abc import Collection
from functools import partial
from types import CodeType

from sse_observe.middleware.scan import UNREADABLE
from sse_observe.middleware.server_state import exiting, peek
from sse_observe.middleware.stream import Stream


def delivered(stream: Stream) -> str:
    """Return which kind of a good end this is; a route may demand a terminal."""
    if stream.last is not None:
        stream.read_last()
    if stream.overrides.polled:
        return "completed" if stream.terminal else "polled"
    if not stream.states_nothing():
        return _statement(stream)
    if stream.scan is UNREADABLE:
        return "completed"
    # Declared, or sent before by other streams of the route.
    is_broken = stream.counts.config.demands_terminal or _lacks_terminal(stream)
    return "server_error" if is_broken else "completed"


def _lacks_terminal(stream: Stream) -> bool:
    """Tell whether a stream's protocol has a terminal, as other streams of the route have shown."""
    reader = stream.reader
    if reader is None or not reader.ends:
        return False
    return reader.protocol.demands_terminal(stream.scope, bool(stream.id))


def stated(stream: Stream) -> str | None:
    """Return the end that the stream itself has stated, if any; the last statement counts."""
    if stream.last is not None:
        stream.read_last()
    return None if stream.states_nothing() else _statement(stream)


def _statement(stream: Stream) -> str:
    if stream.terminal and stream.reader is not None:
        stream.reader.ends = True
    if stream.failure is not None:
        return "error_event"
    if stream.stopped:
        return "cancelled"
    return "already_complete" if stream.resumed and not stream.has_content else "completed"


def client_left(stream: Stream) -> str:
    """Return the end of a stream whose client is gone: who has read the end is not cut off."""
    statement = stated(stream)
    return "client_disconnected" if statement in (None, "already_complete") else statement


def returned(stream: Stream) -> str:
    """Return the end of a stream whose application has returned."""
    if stream.accepted_at is not None:
        return delivered(stream)
    statement = stated(stream)
    if statement is not None:
        return statement
    if is_gone(stream):
        return "client_disconnected"
    return "shutdown" if exiting() else "server_error"


def raised(stream: Stream, error: BaseException) -> str:
    """Return the end of a stream whose application has raised, or was cancelled."""
    failed = isinstance(error, Exception)
    statement = stated(stream)
    if statement is not None:
        return statement
    if stream.accepted_at is not None:
        return "server_error" if failed else delivered(stream)
    # The error is the application's, of whatever class, unless the server's own `send` raised it.
    if is_gone(stream) or came_out_of(error, _codes_of_send(stream)):
        return "client_disconnected"
    if failed:
        return "server_error"
    # Cancelled. Where the server shows that it is not exiting, the application did it.
    return "server_error" if exiting() is False else "shutdown"


def shut_down(stream: Stream) -> str:
    """Return the end of a stream that is open while its server shuts down."""
    if stream.accepted_at is not None:
        return delivered(stream)
    statement = stated(stream)
    if statement is not None:
        return statement
    # Who is stuck in a send() for a lost client has had no occasion to be asked about.
    return "client_disconnected" if is_gone(stream) else "shutdown"


def overridden(stream: Stream, reason: str) -> str:
    """Return the end that the application states, where it may; else the one that was found."""
    stated = stream.overrides.reason
    if stated == "rotated" and stream.counts.config.kind == "finite" and not stream.id:
        # Nothing joins its client's next connection to this one: it would look lost.
        return reason
    return stated or reason


def is_gone(stream: Stream) -> bool:
    """Tell whether the client is gone, as far as the server has reported or shows it."""
    return stream.gone or peek(stream.receive) is True


def _codes_of_send(stream: Stream) -> set[CodeType]:
    """Return the code that runs when the server's `send` is called, and when it is awaited."""
    send: object = stream.inner
    while isinstance(send, partial):
        send = send.func
    found = (
        getattr(getattr(send, "__func__", send), "__code__", None),
        getattr(type(send).__call__, "__code__", None),
        # Where something stands between that only hands on what it is given.
        getattr(stream.coro, "cr_code", None),
    )
    return {code for code in found if code is not None}


def came_out_of(error: BaseException, codes: Collection[CodeType]) -> bool:
    """
    Tell whether an error was raised in this code, or while one from there was handled.

    A frame of the server's `send` then stands in its traceback; an error of the application's own
    has none.
    """
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        traceback = one.__traceback__ if isinstance(one, OSError) else None
        while traceback is not None:
            if traceback.tb_frame.f_code in codes:
                return True
            traceback = traceback.tb_next
        waiting += [other for other in (one.__cause__, one.__context__) if other is not None]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
    return False
