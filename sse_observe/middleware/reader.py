"""
A protocol as one route speaks it: the meaning of each event of its streams.

Knows names and bytes; knows no stream. A route's own declarations go before its protocol.
"""

import re
from typing import NamedTuple

from sse_observe.asgi import Headers
from sse_observe.contract import DONE, DONE_DATA, HEARTBEATS, HELLO
from sse_observe.middleware.protocols import NONE, PROTOCOLS, UNRECOGNISED, Protocol
from sse_observe.middleware.protocols.failure import is_bare_failure
from sse_observe.middleware.protocols.json_data import as_json
from sse_observe.middleware.protocols.model import CONTENT, FAILURE, NOTHING, TERMINAL
from sse_observe.middleware.routes import StreamRoute

QUIET = frozenset(name.encode() for name in (*HEARTBEATS, HELLO))
"""Events that say nothing of the protocol either."""

_DONE = DONE_DATA.encode()
# One of these stands in the first data of each protocol that is recognised by its data.
_SIGNS = re.compile(
    rb'"(?:choices|candidates|promptFeedback|jsonrpc|error|sequence_number)"\s*:'
    rb'|"type"\s*:\s*"(?:start|RUN_STARTED)"'
).search
_BY_EVENT = {name: p for p in PROTOCOLS.values() for name in p.first_events}
REQUEST_HEADERS = {name: p for p in PROTOCOLS.values() for name in p.request_headers}
"""Protocols by the headers of requests that name them."""
_BY_RESPONSE = {name: p for p in PROTOCOLS.values() for name in p.response_headers}
# A beginning is kept for each stream, so that it costs each of them as much.
_LONGEST_BEGINNING = 512


def recognise_response(headers: Headers) -> Protocol | None:
    """Return the protocol that a response's headers name."""
    found = (_BY_RESPONSE.get(name.lower()) for name, _ in headers)
    return next((protocol for protocol in found if protocol is not None), None)


def recognise_event(name: bytes, data: bytes) -> Protocol:
    """Return the protocol that an event belongs to; UNRECOGNISED where the next is to be asked."""
    if name in _BY_EVENT:
        return _BY_EVENT[name]
    if not data:
        return UNRECOGNISED
    found = as_json(data) if may_be_known(data) else None
    if found is None:
        return NONE
    known = next((p for p in PROTOCOLS.values() if p.is_first(name, found)), None)
    if known is not None:
        return known
    # An error says that a stream failed, and not what it would have spoken.
    return UNRECOGNISED if not name and is_bare_failure(found) else NONE


def may_be_known(data: bytes) -> bool:
    """Tell, in a tenth of the time, whether this may be the first data of a known protocol."""
    return _SIGNS(data) is not None


class ShortPath(NamedTuple):
    """
    The short path's needs for one stream.

    It cuts a message at `cut`, looks up what stands before in `heads`, and counts in `cells`.
    `keeps_last`: the last message may hold the terminal beside its content, and is read at the end.
    """

    heads: dict[bytes | None, int]
    cells: list[int]
    cut: bytes
    keeps_last: bool


class Reader:
    """
    The meaning of each event of one route under one protocol.

    `heads` are the beginnings of messages that certainly bring content, each with the row in
    which the message path counts it. `cells` are those rows. `ends` is True once a stream has
    ended with its terminal: from then on one without it has failed.
    """

    __slots__ = (
        *("_by_data", "_by_name", "_data_is_declared", "_ends_at_done", "ends", "heads"),
        *("knows_by_head", "protocol", "reads", "short"),
    )

    def __init__(self, protocol: Protocol, config: StreamRoute, cells: list[int]) -> None:
        self.protocol = protocol
        self.knows_by_head = protocol.beginning is None
        self.ends = False
        self.heads: dict[bytes | None, int] = {}
        # Where data is read, a head alone says nothing: each stream gets a cut of its own.
        self.short = ShortPath(self.heads if self.knows_by_head else {}, cells, b"data:", False)
        terminals = config.terminal_events or (DONE, DONE_DATA)
        quiet = [*HEARTBEATS, HELLO]
        names = {
            **{name: NOTHING for name in quiet if name not in config.events},
            **dict.fromkeys(config.prelude_events, NOTHING),
            **dict.fromkeys(config.error_events, FAILURE),
            **dict.fromkeys(terminals, TERMINAL),
        }
        self._by_name = {name.encode(): meaning for name, meaning in names.items()}
        declared = [
            *((beginning.encode(), TERMINAL) for beginning in config.terminal_data),
            *((beginning.encode(), FAILURE) for beginning in config.error_data),
        ]
        self._ends_at_done = DONE_DATA in terminals or protocol is not NONE
        self._data_is_declared = bool(declared)
        self.reads = bool(declared) or protocol.read is not None
        self._by_data = tuple(declared)

    def names(self, name: bytes) -> bool:
        """Tell whether the route, or the stream contract, says what events of this name mean."""
        return name in self._by_name

    def meaning(self, name: bytes, data: bytes) -> int:
        """Return what an event means, as a sum of CONTENT, TERMINAL, FAILURE and STOP."""
        found = self._by_name.get(name)
        if found is None and not name:
            found = self._of_data(data)
        if found is not None:
            return found
        # Without data only its id says something: the cursor moves.
        return self._read(name, data) if data else NOTHING

    def _of_data(self, data: bytes) -> int | None:
        """Return what the route, or the stream contract, says of an unnamed event."""
        if data == _DONE and self._ends_at_done:
            return TERMINAL
        for beginning, meaning in self._by_data:
            if data.startswith(beginning):
                return meaning
        return None

    def _read(self, name: bytes, data: bytes) -> int:
        read = self.protocol.read
        event = None if read is None else as_json(data)
        if read is None or (event is None and not self.protocol.has_names):
            return CONTENT
        return read(name, event or {})

    def learn(self, message: bytes, head: bytes, row: int) -> ShortPath | None:
        """
        Learn that messages of this head bring content, and are counted in this row.

        Return what the short path needs for the stream that sent this one, if that is new. Where
        a protocol says everything in its data, the path cuts where the piece of content begins.
        """
        beginning = self.protocol.beginning
        if beginning is None:
            self.heads[head] = row
            return self.short
        line = message.partition(b"data:")[2]
        data = line.removeprefix(b" ")
        same = beginning.of(data)
        if same is None or len(same) > _LONGEST_BEGINNING:
            return None
        if any(declared.startswith(same) for declared, _ in self._by_data):
            return None
        # Something before the piece may be what brought the content.
        without, piece = same + beginning.closing, same + b"x" + beginning.closing
        if self.meaning(b"", without) != NOTHING or self.meaning(b"", piece) != CONTENT:
            return None
        self.heads[head] = row
        cut = b"data: " if line is not data else b"data:"
        return ShortPath(self.heads, self.short.cells, cut + same, beginning.holds_terminal)

    def may_be_short(self, name: bytes) -> bool:
        """Tell whether each event of this name brings content, whatever its data."""
        if self.protocol.beginning is not None:
            return not name
        if self.protocol is NONE:
            # Those that begin a known protocol are to be recognised in other streams.
            return name not in _BY_EVENT and (bool(name) or not self._data_is_declared)
        return self.protocol.is_content(name)
