"""The meaning of a stream's events, by the protocol that it speaks; recognised as it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass

from sse_observe.asgi import Header
from sse_observe.contract import HEARTBEATS, HELLO
from sse_observe.middleware.protocols import NONE, Protocol, protocol
from sse_observe.middleware.protocols.model import (
    CONTENT,
    CONTENT_IF_FIRST,
    FAILURE,
    STOP,
    TERMINAL,
)
from sse_observe.middleware.reader import QUIET, Reader, recognise_event, recognise_response
from sse_observe.middleware.routes import AUTO, StreamRoute

__all__ = ["CONTENT", "FAILURE", "STOP", "TERMINAL", "Dialect", "Speech"]


@dataclass(frozen=True, kw_only=True)
class Speech:
    """The user's word on a stream: its protocol, and what its events are called."""

    protocol: str = AUTO
    terminal_events: Sequence[str] = ()
    error_events: Sequence[str] = ("error",)

    @property
    def route(self) -> StreamRoute:
        """The declaration of such a route; SettingsError where it could never be right."""
        return StreamRoute(
            protocol=self.protocol,
            terminal_events=self.terminal_events,
            error_events=self.error_events,
        )


class Dialect:
    """The protocol of one stream; `name` is known from the first event that shows it."""

    def __init__(self, speech: Speech) -> None:
        self._route = speech.route
        self._reader: Reader | None = None
        self._had_content = False
        if speech.protocol != AUTO:
            self._take(protocol(speech.protocol))

    @property
    def name(self) -> str:
        """The protocol's name; `none` where nobody knows it (yet)."""
        return self._reader.protocol.name if self._reader else NONE.name

    def answered(self, headers: Sequence[Header]) -> None:
        """Take the response's headers: some protocols name themselves there."""
        found = recognise_response(headers)
        if self._reader is None and found is not None:
            self._take(found)

    def meaning(self, kind: str, data: str) -> int:
        """Return what an event means, as a sum of CONTENT, TERMINAL, FAILURE and STOP."""
        name = b"" if kind == "message" else kind.encode()
        body = data.encode(errors="replace")
        if self._reader is None:
            if name in QUIET:
                return 0
            self._take(recognise_event(name, body))
        assert self._reader is not None  # noqa: S101 - for the type checker
        found = self._reader.meaning(name, body)
        if found & CONTENT_IF_FIRST:
            found = found & ~CONTENT_IF_FIRST | (0 if self._had_content else CONTENT)
        self._had_content = self._had_content or bool(found & CONTENT)
        return found

    def _take(self, found: Protocol) -> None:
        self._reader = Reader(found, self._route, [])


def is_heartbeat(kind: str) -> bool:
    """Whether an event of this name only says that the stream lives."""
    return kind in HEARTBEATS


def is_greeting(kind: str) -> bool:
    """Whether an event of this name is the stream contract's first."""
    return kind == HELLO
