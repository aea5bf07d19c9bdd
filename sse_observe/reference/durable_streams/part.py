"""
A part of a log: the messages that one answer gives, and the offset that they lead to.

Knows positions; knows neither HTTP nor events.
"""

from sse_observe.reference.durable_streams.logs import Log

# One answer brings so much at most; the rest is asked for with the next offset.
_CHUNK_BYTES = 4 * 1024 * 1024


class Part:
    """Some messages of a log after a position."""

    def __init__(self, log: Log, after: int) -> None:
        first = log.end - len(log.frames)
        self.log = log
        # The protocol counts positions from 0 before the first message.
        self.lost = max(first - after, 0) if after < log.end else 0
        size, count = 0, 0
        for frame in log.frames:
            size += len(frame)
            if count and size > _CHUNK_BYTES:
                break
            count += 1
        self.frames = log.frames[:count]
        self.first = first
        self.end = first + count if count else log.end

    @property
    def is_up_to_date(self) -> bool:
        """Whether nothing more is there now."""
        return self.end == self.log.end

    @property
    def is_final(self) -> bool:
        """Whether nothing more will ever come."""
        return self.is_up_to_date and self.log.facts.closed
