"""The meaning of a stream's events, by the protocol that it speaks; recognised as it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass

from sse_observe.asgi import Header
from sse_observe.contract import HEARTBEATS, HELLO
from sse_observe.middleware.routes import StreamRoute
from sse_observe.protocols import AUTO
from sse_observe.protocols.model import CONTENT, CONTENT_IF_FIRST, FAILURE, STOP, TERMINAL
from sse_observe.protocols.recogniser import Recogniser

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
        self._recogniser = Recogniser(
            speech.protocol,
            terminal_events=speech.terminal_events,
            error_events=speech.error_events,
        )
        self._had_content = False

    @property
    def name(self) -> str:
        """The protocol's name; `none` where nobody knows it (yet)."""
        return self._recogniser.protocol.name

    def answered(self, headers: Sequence[Header]) -> None:
        """Take the response's headers: some protocols name themselves there."""
        self._recogniser.answered(headers)

    def meaning(self, kind: str, data: str) -> int:
        """Return what an event means, as a sum of CONTENT, TERMINAL, FAILURE and STOP."""
        name = b"" if kind == "message" else kind.encode()
        body = data.encode(errors="replace")
        found = self._recogniser.meanings(name, body).meaning(name, body)
        if found & CONTENT_IF_FIRST:
            found = found & ~CONTENT_IF_FIRST | (0 if self._had_content else CONTENT)
        self._had_content = self._had_content or bool(found & CONTENT)
        return found


def is_heartbeat(kind: str) -> bool:
    """Whether an event of this name only says that the stream lives."""
    return kind in HEARTBEATS


def is_greeting(kind: str) -> bool:
    """Whether an event of this name is the stream contract's first."""
    return kind == HELLO
