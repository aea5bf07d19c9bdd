"""
A protocol as one route speaks it: the meaning of each event, and which messages need no reading.

Knows names and bytes; knows no stream.
"""

from typing import NamedTuple

from sse_observe.middleware.routes import StreamRoute
from sse_observe.protocols import NONE, Protocol
from sse_observe.protocols.meanings import Meanings
from sse_observe.protocols.model import CONTENT, NOTHING
from sse_observe.protocols.recognition import FIRST_EVENTS

# A beginning is kept for each stream, so that it costs each of them as much.
_LONGEST_BEGINNING = 512


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


class Reader(Meanings):
    """
    The meaning of each event of one route under one protocol.

    `heads` are the beginnings of messages that certainly bring content, each with the row in
    which the message path counts it. `cells` are those rows. `ends` is True once a stream has
    ended with its terminal: from then on one without it has failed.
    """

    __slots__ = ("ends", "heads", "knows_by_head", "short")

    def __init__(self, protocol: Protocol, config: StreamRoute, cells: list[int]) -> None:
        super().__init__(
            protocol,
            terminal_events=config.terminal_events,
            terminal_data=config.terminal_data,
            error_events=config.error_events,
            error_data=config.error_data,
            prelude_events=config.prelude_events,
            events=config.events,
        )
        self.knows_by_head = protocol.beginning is None
        self.ends = False
        self.heads: dict[bytes | None, int] = {}
        # Where data is read, a head alone says nothing: each stream gets a cut of its own.
        self.short = ShortPath(self.heads if self.knows_by_head else {}, cells, b"data:", False)

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
            return name not in FIRST_EVENTS and (bool(name) or not self.data_is_declared)
        return self.protocol.is_content(name)
