"""
A stream whose client has stopped reporting, as the application is told of it.

Ends it where the application says so; which streams they are is decided by `confirmations`.
"""

import inspect
from collections.abc import Callable
from math import inf

from sse_observe.asgi import Message, Scope
from sse_observe.errors import SettingsError
from sse_observe.middleware.stream import Stream


class UnconfirmedStream:
    """
    An open stream whose client has reported, and has not for three intervals.

    Made by the beacon: `stream` is the middleware's own.
    """

    __slots__ = ("_stream",)

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    @property
    def route(self) -> str:
        """The label of its route, as in `/chat/{id}`."""
        return self._stream.counts.label

    @property
    def scope(self) -> Scope:
        """The ASGI scope of its request; empty once that is over."""
        return self._stream.scope

    def disconnect(self) -> None:
        """
        Treat its client as gone; twice is once.

        The stream is counted as `client_disconnected`. What the application sends from now on
        raises ConnectionResetError, as it may for any client that has left.
        """
        stream = self._stream
        stream.owner.left(stream)
        if stream.gone:
            stream.inner = _refuse


OnUnconfirmed = Callable[[UnconfirmedStream], None]


def check_listening(report_seconds: object, on_unconfirmed: object) -> None:
    """Raise SettingsError for an interval or a function that can never be right."""
    is_flag = isinstance(report_seconds, bool)
    if is_flag or not isinstance(report_seconds, int | float) or not 0 < report_seconds < inf:
        raise SettingsError(
            f"beacon_app: report_seconds={report_seconds!r} is wrong; give seconds above 0"
        )
    is_plain = callable(on_unconfirmed) and not inspect.iscoroutinefunction(on_unconfirmed)
    if on_unconfirmed is not None and not is_plain:
        raise SettingsError(
            f"beacon_app: on_unconfirmed={on_unconfirmed!r} is wrong; give a plain function"
        )


async def _refuse(_message: Message) -> None:
    raise ConnectionResetError("the client of this stream has stopped reporting")
