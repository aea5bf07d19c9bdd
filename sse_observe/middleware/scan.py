"""
Where the reading of a stream's bytes stands between two messages.

Knows the standard's blocks and lines; counts nothing.
"""


class Scan:
    """Where a stream stands that is not simply between two payload events."""

    __slots__ = (
        "after_cr",
        "bom",
        "comment",
        "data",
        "done",
        "id",
        "length",
        "name",
        "rest",
        "size",
    )

    def __init__(self, *, fresh: bool = False) -> None:
        self.bom: bytes | None = b"" if fresh else None
        self.after_cr = False
        self.rest = b""
        self.length = 0
        self.clear()

    def clear(self) -> None:
        """Begin a new block."""
        self.size = self.data = 0
        self.name = b""
        self.id: bytes | None = None
        self.comment = self.done = False

    def is_between_events(self) -> bool:
        """Tell whether the next byte begins a block."""
        return not (self.length or self.size or self.after_cr or self.bom is not None)


class Held:
    """The beginning of a block that was cut in two, and where the stream stood before it."""

    __slots__ = ("before", "beginning")

    def __init__(self, before: Scan | None, beginning: bytes) -> None:
        self.before = before
        self.beginning = beginning


# Shared parser states: nothing is read yet, and no payload is read yet.
FRESH = Scan(fresh=True)
WAITING = Scan()
