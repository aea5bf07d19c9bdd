"""
A protocol as one route speaks it: the meaning of each event of its streams.

Knows names and bytes; knows no stream. A route's own declarations go before its protocol.
"""

import re
from typing import NamedTuple

from sse_observe.asgi import Headers
from sse_observe.contract import DONE, DONE_DATA, HEARTBEATS, HELLO
from sse_observe.middleware.protocols import NONE, PROTOCOLS, Protocol
from sse_observe.middleware.protocols.model import (
    CONTENT,
    FAILURE,
    NOTHING,
    TERMINAL,
    as_json,
)
from sse_observe.middleware.routes import StreamRoute

QUIET = frozenset(name.encode() for name in (*HEARTBEATS, HELLO))
"""Events that say nothing of the protocol either."""

_DONE = DONE_DATA.encode()
# One of these stands in the first data of each protocol that is recognised by its data.
_SIGNS = re.compile(
    rb'"(?:choices|candidates|promptFeedback|jsonrpc|error)"\s*:'
    rb'|"type"\s*:\s*"(?:start|RUN_STARTED)"'
).search
_BY_EVENT = {name: p for p in PROTOCOLS.values() for name in p.first_events}
REQUEST_HEADERS = {name: p for p in PROTOCOLS.values() for name in p.request_headers}
"""Protocols by the headers of requests that name them."""
_BY_RESPONSE = {name: p for p in PROTOCOLS.values() for name in p.response_headers}


def recognise_response(headers: Headers) -> Protocol | None:
    """Return the protocol that a response's headers name."""
    found = (_BY_RESPONSE.get(name.lower()) for name, _ in headers)
    return next((protocol for protocol in found if protocol is not None), None)


def recognise_event(name: bytes, data: bytes) -> Protocol:
    """Return the protocol that a stream's first event belongs to, or NONE."""
    if name in _BY_EVENT:
        return _BY_EVENT[name]
    if not may_be_known(data):
        return NONE
    found = as_json(data)
    if found is None:
        return NONE
    return next((p for p in PROTOCOLS.values() if p.is_first(found)), NONE)


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
    sent its terminal: from then on one without it has failed.
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

    def meaning(self, name: bytes, data: bytes) -> int:
        """Return what an event means, as a sum of CONTENT, TERMINAL, FAILURE and STOP."""
        found = self._by_name.get(name)
        if found is not None:
            return found
        if not name:
            if data == _DONE and self._ends_at_done:
                return TERMINAL
            for beginning, meaning in self._by_data:
                if data.startswith(beginning):
                    return meaning
        if not data:
            # Only its id says something: the cursor moves.
            return NOTHING
        read = self.protocol.read
        return CONTENT if read is None else read(name, data)

    def learn(self, message: bytes, head: bytes, row: int) -> ShortPath:
        """
        Learn that messages of this head bring content, and are counted in this row.

        Return what the short path needs for the stream that sent this one. Where a protocol says
        everything in its data, the path cuts where the data stops being the same in each message.
        """
        beginning = self.protocol.beginning
        if beginning is None:
            self.heads[head] = row
            return self.short
        at = message.find(b"data:") + 5
        same = beginning(message[at:])
        if same is None:
            return self.short
        self.heads[head] = row
        return ShortPath(
            self.heads, self.short.cells, b"data:" + same, self.protocol.ends_in_content
        )

    def may_be_short(self, name: bytes) -> bool:
        """Tell whether each event of this name brings content, whatever its data."""
        if self.protocol.beginning is not None:
            return not name
        return self.protocol.is_content(name) and (bool(name) or not self._data_is_declared)
