"""
The protocol that one stream speaks, held as it shows itself.

Knows events and headers of one stream; counts nothing. The message path of the middleware does
the same in its own way, without a call per event.
"""

from collections.abc import Sequence

from sse_observe.asgi import Headers
from sse_observe.protocols import AUTO, NONE, UNRECOGNISED, Protocol, protocol
from sse_observe.protocols.meanings import Meanings
from sse_observe.protocols.recognition import recognise_event, recognise_response


class Recogniser:
    """
    The meanings of one stream's events: of no known protocol, until an event or a header shows one.

    `protocol_name` is `auto`, or a name that `protocol()` knows.
    """

    def __init__(
        self,
        protocol_name: str = AUTO,
        *,
        terminal_events: Sequence[str] = (),
        error_events: Sequence[str] = ("error",),
    ) -> None:
        self._terminal_events = terminal_events
        self._error_events = error_events
        self._unrecognised = self._under(UNRECOGNISED)
        self._known = None if protocol_name == AUTO else self._under(protocol(protocol_name))

    @property
    def protocol(self) -> Protocol:
        """The protocol; NONE where nobody knows it (yet)."""
        return self._known.protocol if self._known else NONE

    def answered(self, headers: Headers) -> None:
        """Take the headers of an answer: some protocols name themselves there."""
        if self._known is None and (named := recognise_response(headers)) is not None:
            self._known = self._under(named)

    def meanings(self, name: bytes, data: bytes) -> Meanings:
        """Return what reads this event; it is kept if the event shows the stream's protocol."""
        if self._known is not None:
            return self._known
        if name in self._unrecognised.names:
            return self._unrecognised
        found = recognise_event(name, data)
        if found is UNRECOGNISED:
            return self._unrecognised
        self._known = self._under(found)
        return self._known

    def _under(self, found: Protocol) -> Meanings:
        return Meanings(
            found,
            terminal_events=self._terminal_events,
            error_events=self._error_events,
        )
