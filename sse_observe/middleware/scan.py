"""
Where the reading of a stream's bytes stands between two messages, and the shapes of messages.

Knows the standard's blocks and lines; counts nothing.
"""

from sse_observe.contract import DONE_DATA

BOM = b"\xef\xbb\xbf"
DONE = (b" " + DONE_DATA.encode(), DONE_DATA.encode())
"""The rest of a data line that ends a stream."""
# Empty data says nothing either: only the id beside it does.
_SPECIAL = (*DONE, b"", b" ")
# What a field name and a value of interest (an event name, an id) can need.
KEPT_OF_A_LINE = 256
# Where the data is read as well, an error, a last chunk, the beginning of an answer.
KEPT_OF_DATA = 16_384
# Of a comment that keeps a line warm: the same text each time.
KEPT_OF_A_COMMENT = 24


class Block:
    """The fields of one block; `size` is that of its lines and their ends."""

    __slots__ = ("comment", "data", "id", "lines", "name", "size")
    id: bytes | None

    def __init__(self, whole: bytes) -> None:
        """Read a whole block with LF line ends, the last one left out."""
        self.clear()
        self.size = len(whole) + 1
        for line in whole.split(b"\n"):
            self.read_line(line)

    def clear(self) -> None:
        """Begin a new block."""
        self.size = self.lines = 0
        self.data = self.name = b""
        self.id = None
        self.comment = False

    def read_line(self, line: bytes) -> None:
        """Take one line of a block, its end removed."""
        name, _, value = line.partition(b":")
        if name == b"data":
            self.data = join_data(self.data, self.lines, value.removeprefix(b" "))
            self.lines += 1
        elif not name:
            self.comment = True
        elif name == b"event":
            self.name = value[:KEPT_OF_A_LINE].removeprefix(b" ")
        elif name == b"id" and 0 not in value and len(line) <= KEPT_OF_A_LINE:
            self.id = value.removeprefix(b" ")


class Scan(Block):
    """Where a stream stands that is not just between two payload events."""

    __slots__ = ("after_cr", "bom", "length", "rest")

    def __init__(self, *, fresh: bool = False) -> None:
        self.bom: bytes | None = b"" if fresh else None
        self.after_cr = False
        self.rest = b""
        self.length = 0
        self.clear()

    def is_between_events(self) -> bool:
        """Tell whether the next byte begins a block."""
        return not (self.length or self.size or self.after_cr or self.bom is not None)


class Held:
    """The beginning of a block that was cut in two, and where the stream stood before it."""

    __slots__ = ("before", "beginning")

    def __init__(self, before: Scan | None, beginning: bytes) -> None:
        self.before = before
        self.beginning = beginning


# Shared parser states: nothing is read yet; between two blocks, and the next is to be read in
# full; a body that nobody can read.
FRESH = Scan(fresh=True)
WAITING = Scan()
UNREADABLE = Scan()


def join_data(data: bytes, lines: int, line: bytes) -> bytes:
    """Return an event's data with one more line, as far as it is kept."""
    if len(data) >= KEPT_OF_DATA:
        # Not once more for each of a million lines.
        return data
    return (data + b"\n" + line if lines else line)[:KEPT_OF_DATA]


def plain_head(body: bytes) -> tuple[bytes | None, bytes]:
    """
    Return what stands before one event's data lines, without its id line, and that line.

    None for what is more or less than one event, or does not begin with a field.
    """
    if body[0] == 58:
        return None, b""
    if 13 in body:
        body = body.replace(b"\r\n", b"\n")
    head, _, rest = body.partition(b"data:")
    rest, _, end = rest.partition(b"\n")
    if rest in _SPECIAL or 13 in body:
        return None, b""
    if end != b"\n":
        while end[:5] == b"data:":
            _, _, end = end.partition(b"\n")
        if end != b"\n":
            # Some write the id last.
            line, _, end = end.partition(b"\n")
            return (head, line) if end == b"\n" and line[:3] == b"id:" else (None, b"")
    if b"id:" <= head < b"id;":
        line, end, head = head.partition(b"\n")
        return (head, line) if end else (None, b"")
    return head, b""


def is_plain(head: bytes) -> bool:
    """Tell whether this is whole lines of one block that say nothing about ids."""
    lines = b"\n" + head
    return (
        head[-1:] in (b"", b"\n")
        and head[:1] != BOM[:1]
        and b"\n\n" not in lines
        and b"\nid" not in lines
    )


def is_comment(body: bytes) -> bool:
    """Tell whether these whole blocks, known to hold no event, are short and move no cursor."""
    short = len(body) < KEPT_OF_A_COMMENT
    return short and body[0] == 58 and b"\nid" not in body.replace(b"\r", b"\n")
