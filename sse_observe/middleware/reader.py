"""
A protocol as one route speaks it: the meaning of each event, and which messages need no reading.

Knows names and bytes; knows no stream.
"""

from sse_observe.middleware.routes import StreamRoute
from sse_observe.protocols import NONE, Protocol
from sse_observe.protocols.meanings import Meanings
from sse_observe.protocols.recognition import FIRST_EVENTS

# A beginning is kept for each stream, so that it costs each of them as much.
_LONGEST_BEGINNING = 512


ShortPath = tuple[dict[bytes | None, int], list[int], bytes, bool, int | None]
"""
The short path's needs for one stream: `heads, cells, cut, in_data, row`.

It cuts a message at `cut`, looks up what stands before in `heads`, and counts in `cells`. Under
`in_data` a piece of content follows the cut, which may be empty; and more, which may be the
terminal too, so that the last message is read at the end. With a `row` the cut is all that stands
between a line with an id and the data, and nothing is looked up. No NamedTuple, which takes five
times as long to unpack, for each message, and three times as long to make.
"""


class Reader(Meanings):
    """
    The meaning of each event of one route under one protocol.

    `heads` are the beginnings of messages that certainly bring content, each with the row in
    which the message path counts it. `cells` are those rows. `ends` is True once a stream has
    ended with its terminal: from then on one without it has failed.
    """

    __slots__ = ("_behind_ids", "ends", "heads", "knows_by_head", "short")

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
        heads = self.heads if self.knows_by_head else {}
        self.short: ShortPath = heads, cells, b"data:", False, None
        self._behind_ids: dict[bytes, ShortPath] = {}

    def learn(self, cut: bytes, data: bytes, head: bytes, row: int) -> ShortPath | None:
        """
        Learn that messages of this head bring content, and are counted in this row.

        `data` is the first data line of the one that was just read; it follows `cut`. Return what
        the short path needs for the stream that sent this one, if that is new. Where a protocol
        says everything in its data, the path cuts where the piece of content begins: nothing
        before it ends the stream, or this message had not brought content alone.
        """
        beginning = self.protocol.beginning
        if beginning is None:
            self.heads[head] = row
            return None
        same = beginning.find(data)
        if same is None or len(same) > _LONGEST_BEGINNING:
            return None
        for declared, _ in self._by_data:
            if declared.startswith(same):
                return None
        self.heads[head] = row
        return self.heads, self.short[1], cut + same, True, None

    def short_of(self, head: bytes | None, message: bytes) -> ShortPath:
        """Return what the short path needs for more messages like this one, of a known head."""
        if head is None or message[:3] != b"id:":
            return self.short
        known = self._behind_ids.get(head)
        if known is None:
            _, cells, cut, in_data, _ = self.short
            known = {}, cells, b"\n" + head + cut, in_data, self.heads[head]
            self._behind_ids[head] = known
        return known

    def may_be_short(self, name: bytes) -> bool:
        """Tell whether each event of this name brings content, whatever its data."""
        if self.protocol.beginning is not None:
            return not name
        if self.protocol is NONE:
            # Those that begin a known protocol are to be recognised in other streams.
            return name not in FIRST_EVENTS and (bool(name) or not self.data_is_declared)
        return self.protocol.is_content(name)
