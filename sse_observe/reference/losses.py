"""
Losses of streams: each event counted once, however often it is asked for.

Knows positions; a client that comes back twice with one cursor, or a second reader of the same
stream, loses nothing anew.
"""

from collections import OrderedDict

# At about 150 bytes each, 1.5 MB for the streams that may still be asked for.
_MOST_STREAMS = 10_000


class Losses:
    """The highest lost position of each stream; the least recently asked one is forgotten."""

    def __init__(self) -> None:
        self._up_to: OrderedDict[str, int] = OrderedDict()

    def fresh(self, epoch: str, cursor: int | None, lost: int) -> int:
        """
        Return how many of the `lost` events after `cursor` were not lost before.

        Without a cursor only the stream's first reader loses anything: one that joins later
        has missed the beginning, but the one before had it.
        """
        known = self._up_to.pop(epoch, None)
        mark = -1 if known is None else known
        after = -1 if cursor is None else cursor
        joins_late = cursor is None and known is not None
        end = after + lost if lost and not joins_late else mark
        self._up_to[epoch] = max(mark, end)
        if len(self._up_to) > _MOST_STREAMS:
            self._up_to.popitem(last=False)
        return max(end - max(after, mark), 0)
