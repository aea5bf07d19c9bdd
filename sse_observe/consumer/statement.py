"""
The end of a stream as the stream itself states it: whole, failed, or stopped by its user.

Knows protocols and events; knows no connection. The last word counts: content after a failure or
a terminal takes it back.
"""

from collections.abc import Mapping, Sequence
from enum import Enum

from sse_observe.protocols import AUTO, NONE
from sse_observe.protocols.model import (
    CONTENT,
    CONTENT_IF_FIRST,
    FAILURE,
    STOP,
    TERMINAL,
)
from sse_observe.protocols.recogniser import Recogniser
from sse_observe.wire import Event


class End(Enum):
    """The end that a stream has stated."""

    WHOLE = "completed"
    STOPPED = "cancelled"
    FAILED = "failed"


class Statement:
    """
    The statements of one stream, over all its connections.

    `end` is what it has stated of its end so far, `failure` the event by which it failed.
    `has_content` stays True once there was any.
    """

    def __init__(
        self,
        *,
        protocol_name: str = AUTO,
        terminal_events: Sequence[str] = (),
        error_events: Sequence[str] = ("error",),
    ) -> None:
        self._recogniser = Recogniser(
            protocol_name, terminal_events=terminal_events, error_events=error_events
        )
        self.demands_terminal = bool(terminal_events)
        """Whether an end without one is none; as on a route that declares them."""
        self.has_content = False
        self.connected()

    def connected(self) -> None:
        """Begin a connection: what the one before it stated came to nothing."""
        self.end: End | None = None
        self.failure: Event | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it speaks no protocol that is known; then a name like `error` proves little."""
        return self._recogniser.protocol is NONE

    def answered(self, headers: Mapping[str, str]) -> None:
        """Take the headers of an answer, which may name the protocol."""
        self._recogniser.answered([(name.encode(errors="replace"), b"") for name in headers])

    def take(self, event: Event) -> bool:
        """
        Take one event of the stream's own; return whether it is the last by what was declared.

        Hello and heartbeats are none.
        """
        name = b"" if event.type == "message" else event.type.encode(errors="replace")
        data = event.data.encode(errors="replace")
        meanings = self._recogniser.meanings(name, data)
        declared = meanings.declared(name, data)
        self._state(event, meanings.meaning(name, data))
        return declared == TERMINAL

    def _state(self, event: Event, meaning: int) -> None:
        if meaning & CONTENT or (meaning & CONTENT_IF_FIRST and not self.has_content):
            self.has_content = True
            self.end = self.failure = None
        if meaning & FAILURE:
            self.end, self.failure = End.FAILED, event
        elif self.end is not End.FAILED:
            if meaning & STOP:
                self.end = End.STOPPED
            elif meaning & TERMINAL and self.end is None:
                self.end = End.WHOLE
