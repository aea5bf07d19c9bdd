"""
The meaning of each event of a stream: what is declared goes before what its protocol knows.

Knows names and data; knows neither streams nor routes.
"""

from collections.abc import Sequence

from sse_observe.contract import DONE, DONE_DATA, HEARTBEATS, HELLO
from sse_observe.protocols import NONE, Protocol
from sse_observe.protocols.json_data import as_json
from sse_observe.protocols.model import CONTENT, FAILURE, NOTHING, TERMINAL

QUIET = frozenset(name.encode() for name in (*HEARTBEATS, HELLO))
"""Events that say nothing of the protocol either."""

_DONE = DONE_DATA.encode()


class Meanings:
    """
    The meaning of each event under one protocol.

    Names and beginnings of data are those of `StreamRoute`; without `terminal_events` they are
    the event `done` and the data `[DONE]`. `events` are names that are content whatever they are
    called. `reads` tells whether an event's data matters at all.
    """

    __slots__ = (
        *("_by_data", "_ends_at_done", "_unnamed_is_declared", "data_is_declared", "names"),
        *("protocol", "reads"),
    )

    def __init__(
        self,
        protocol: Protocol,
        *,
        terminal_events: Sequence[str] = (),
        terminal_data: Sequence[str] = (),
        error_events: Sequence[str] = ("error",),
        error_data: Sequence[str] = (),
        prelude_events: Sequence[str] = (),
        events: Sequence[str] = (),
    ) -> None:
        self.protocol = protocol
        terminals = terminal_events or (DONE, DONE_DATA)
        names = {
            **{name: NOTHING for name in (*HEARTBEATS, HELLO) if name not in events},
            **dict.fromkeys(prelude_events, NOTHING),
            **dict.fromkeys(error_events, FAILURE),
            **dict.fromkeys(terminals, TERMINAL),
        }
        self.names = {name.encode(): meaning for name, meaning in names.items()}
        """The meaning of events by name, as is declared or the contract says."""
        self._by_data = (
            *((beginning.encode(), TERMINAL) for beginning in terminal_data),
            *((beginning.encode(), FAILURE) for beginning in error_data),
        )
        self._ends_at_done = DONE_DATA in terminals or protocol is not NONE
        self.data_is_declared = bool(self._by_data)
        # Most events have no name, and nothing is declared of their data: no need to look.
        self._unnamed_is_declared = self.data_is_declared or b"" in self.names
        self.reads = self.data_is_declared or protocol.read is not None

    def declared(self, name: bytes, data: bytes) -> int | None:
        """Return the meaning that an event has by declaration or custom, whatever its protocol."""
        found = self.names.get(name)
        if found is None and not name:
            if data == _DONE and self._ends_at_done:
                return TERMINAL
            for beginning, meaning in self._by_data:
                if data.startswith(beginning):
                    return meaning
        return found

    def meaning(self, name: bytes, data: bytes) -> int:
        """Return what an event means, as a sum of CONTENT, TERMINAL, FAILURE and STOP."""
        if name or data == _DONE or self._unnamed_is_declared:
            found = self.declared(name, data)
            if found is not None:
                return found
        if not data:
            # Only its id says something: the cursor moves.
            return NOTHING
        protocol = self.protocol
        if protocol.read is None:
            return CONTENT
        event = as_json(data)
        if event is None and not protocol.has_names:
            return CONTENT
        return protocol.read(name, event or {})
