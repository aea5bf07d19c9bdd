"""The meaning of a stream's events, by the protocol that it speaks; recognised as it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass

from sse_observe.asgi import Header
from sse_observe.contract import HEARTBEATS, HELLO
from sse_observe.middleware.routes import AUTO, StreamRoute
from sse_observe.protocols import NONE, UNRECOGNISED, Protocol, protocol
from sse_observe.protocols.meanings import Meanings
from sse_observe.protocols.model import CONTENT, CONTENT_IF_FIRST, FAILURE, STOP, TERMINAL
from sse_observe.protocols.recognition import recognise_event, recognise_response

__all__ = ["CONTENT", "FAILURE", "STOP", "TERMINAL", "Dialect", "Speech"]


@dataclass(frozen=True, kw_only=True)
class Speech:
    """The user's word on a stream: its protocol, and what its events are called."""

    protocol: str = AUTO
    terminal_events: Sequence[str] = ()
    error_events: Sequence[str] = ("error",)

    def __post_init__(self) -> None:
        """Refuse what could never be right, as a route's declaration does (SettingsError)."""
        StreamRoute(
            protocol=self.protocol,
            terminal_events=self.terminal_events,
            error_events=self.error_events,
        )


class Dialect:
    """The protocol of one stream; `name` is known from the first event that shows it."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        self._unrecognised = self._under(UNRECOGNISED)
        self._meanings: Meanings | None = None
        self._had_content = False
        if speech.protocol != AUTO:
            self._meanings = self._under(protocol(speech.protocol))

    @property
    def name(self) -> str:
        """The protocol's name; `none` where nobody knows it (yet)."""
        return self._meanings.protocol.name if self._meanings else NONE.name

    def answered(self, headers: Sequence[Header]) -> None:
        """Take the response's headers: some protocols name themselves there."""
        found = recognise_response(headers)
        if self._meanings is None and found is not None:
            self._meanings = self._under(found)

    def meaning(self, kind: str, data: str) -> int:
        """Return what an event means, as a sum of CONTENT, TERMINAL, FAILURE and STOP."""
        name = b"" if kind == "message" else kind.encode()
        body = data.encode(errors="replace")
        found = (self._meanings or self._recognise(name, body)).meaning(name, body)
        if found & CONTENT_IF_FIRST:
            found = found & ~CONTENT_IF_FIRST | (0 if self._had_content else CONTENT)
        self._had_content = self._had_content or bool(found & CONTENT)
        return found

    def _recognise(self, name: bytes, data: bytes) -> Meanings:
        """Return what reads this event; it is kept if the event shows the stream's protocol."""
        if self._unrecognised.names(name):
            return self._unrecognised
        found = recognise_event(name, data)
        if found is UNRECOGNISED:
            return self._unrecognised
        self._meanings = self._under(found)
        return self._meanings

    def _under(self, found: Protocol) -> Meanings:
        return Meanings(
            found,
            terminal_events=self._speech.terminal_events,
            error_events=self._speech.error_events,
        )


def is_heartbeat(kind: str) -> bool:
    """Whether an event of this name only says that the stream lives."""
    return kind in HEARTBEATS


def is_greeting(kind: str) -> bool:
    """Whether an event of this name is the stream contract's first."""
    return kind == HELLO
