"""
The receipt of one stream: what was sent to its client, by which the client's reports are judged.

Plain numbers and one moment. The middleware fills it in; whoever takes reports reads it.
"""

from collections.abc import Callable
from typing import Protocol

_MOST_DIGITS = 15


class Sent(Protocol):
    """A stream under way."""

    events: int
    id: bytes


class Receipt:
    """
    The record of one connection: what was sent on it, and how it ended.

    `address` is whom it was sent to. `on_end` is called once, when the connection has ended.
    """

    __slots__ = ("_stream", "address", "events", "newest", "on_end", "reason", "token")

    def __init__(self, address: str = "") -> None:
        self.address = address
        self.token: str | None = None
        self.reason: str | None = None
        """None while the stream is open."""
        self.events: int | None = 0
        """None where nobody can count them."""
        self.newest = -1
        """The number in the last id that was sent, -1 without any."""
        self.on_end: Callable[[Receipt], None] | None = None
        self._stream: Sent | None = None

    @property
    def is_open(self) -> bool:
        """Whether its stream has opened and not ended."""
        return self._stream is not None

    @property
    def stream(self) -> Sent | None:
        """Its stream while that is open."""
        return self._stream

    def begin(self, stream: Sent) -> None:
        """Follow a stream that has opened."""
        self._stream = stream

    def update(self) -> None:
        """Read what was sent so far."""
        if self._stream is not None:
            self.events = self._stream.events
            self.newest = _number(self._stream.id)

    def end(self, reason: str, *, readable: bool) -> None:
        """Keep what was sent, and let go of the stream."""
        self.update()
        self._stream = None
        self.reason = reason
        if not readable:
            self.events = None
        on_end, self.on_end = self.on_end, None
        if on_end is not None:
            on_end(self)


def _number(line: bytes) -> int:
    """Return the number with which an id begins, as in `id: 7-k3x9`."""
    digits = line[3:].strip().partition(b"-")[0]
    return int(digits) if digits.isdigit() and len(digits) <= _MOST_DIGITS else -1
