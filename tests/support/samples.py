"""
Recorded streams of each protocol, and what each is to be counted as.

`tests/samples/<protocol>/<name>.sse` begins with its facts, `name: value`, up to a line `---`. The
stream follows as it is sent, but for the line `# …` before each block, which says what the block
means: `content`, `prelude` (an event that brings nothing), `nothing` (no event), and so on. The
facts are `claim`, `outcome` (the reason of the end), `first content` (the number of that event, or
`none`), `empty` (`yes` or `no`), and where they are not as usual:
`error` (the error's type), `start` (`resumed`), `method`, `query`, `request header`,
`response header`, `ends` (`without an end`, `client leaves`), and `after`, the name of the sample
that the same route has sent before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from sse_observe.protocols.model import (
    CONTENT,
    CONTENT_IF_FIRST,
    FAILURE,
    NOTHING,
    STOP,
    TERMINAL,
)
from tests.support.paths import TESTS

SAMPLES = TESTS / "samples"
MEANINGS = {
    "nothing": None,
    "prelude": NOTHING,
    "content": CONTENT,
    "summary": CONTENT_IF_FIRST,
    "terminal": TERMINAL,
    "content and terminal": CONTENT | TERMINAL,
    "failure": FAILURE,
    "stop": STOP,
}
FACTS = {
    *("claim", "outcome", "first content", "empty", "error", "start", "method", "query", "ends"),
    *("request header", "response header", "after"),
}
ENDS = ("in order", "without an end", "client leaves")


@dataclass(frozen=True)
class Block:
    """One block as it is sent, and its meaning; None for one that is no event."""

    wire: bytes
    meaning: int | None

    def field(self, name: bytes) -> bytes:
        """Return the value of a field, empty where the block has none."""
        lines = (line.partition(b":") for line in self.wire.splitlines())
        return next((value.removeprefix(b" ") for key, _, value in lines if key == name), b"")

    @property
    def name(self) -> bytes:
        """The event's name, empty for `message`."""
        return self.field(b"event").replace(b"message", b"", self.field(b"event") == b"message")

    @property
    def data(self) -> bytes:
        """The event's data; each sample has one line of it."""
        return self.field(b"data")


@dataclass(frozen=True)
class Sample:
    """One recorded stream; without a protocol it is one that we do not know."""

    protocol: str
    name: str
    facts: tuple[tuple[str, str], ...]
    blocks: tuple[Block, ...]

    def fact(self, name: str, usual: str = "") -> str:
        """Return one fact."""
        return dict(self.facts).get(name, usual)

    def headers(self, side: str) -> list[tuple[bytes, bytes]]:
        """Return the headers that the request or the response has besides."""
        lines = (value.partition(": ") for key, value in self.facts if key == f"{side} header")
        return [(name.encode(), value.encode()) for name, _, value in lines]

    @property
    def id(self) -> str:
        """The name of its file, without what all have in common."""
        return f"{self.protocol}/{self.name}"

    @property
    def body(self) -> bytes:
        """The stream as it is sent."""
        return b"".join(block.wire for block in self.blocks)

    @property
    def outcome(self) -> str:
        """The reason that its end is counted as."""
        return self.fact("outcome")

    @property
    def is_empty(self) -> bool:
        """Whether it is an empty answer."""
        return self.fact("empty") == "yes"

    @property
    def is_resumed(self) -> bool:
        """Whether its client has seen its beginning before."""
        return self.fact("start") == "resumed"

    @property
    def ends(self) -> str:
        """How it ends: one of ENDS."""
        return self.fact("ends", ENDS[0])

    @cached_property
    def before(self) -> "Sample | None":
        """The sample that the same route has sent before."""
        name = self.fact("after")
        return sample(f"{self.protocol}/{name}") if name else None

    @property
    def first_content(self) -> int | None:
        """The place among the blocks of the event that the user waited for, or None."""
        place = self.fact("first content")
        if place == "none":
            return None
        events = [at for at, block in enumerate(self.blocks) if block.meaning is not None]
        return events[int(place) - 1]


@cache
def sample(name: str) -> Sample:
    """Read one sample, `<protocol>/<name>`; AssertionError where it is not well written."""
    head, found, body = (SAMPLES / f"{name}.sse").read_bytes().partition(b"---\n")
    assert found, f"{name}: no line `---` after the facts"
    lines = [line.partition(": ") for line in head.decode().splitlines()]
    facts = tuple((key, value) for key, _, value in lines)
    unknown = {key for key, _ in facts} - FACTS
    assert not unknown, f"{name}: {unknown} are no facts of a sample"
    missing = {"claim", "outcome", "first content", "empty"} - {key for key, _ in facts}
    assert not missing, f"{name}: {missing} are missing"
    protocol, _, rest = name.partition("/")
    read = Sample(protocol, rest, facts, tuple(_blocks(name, body)))
    assert read.ends in ENDS, f"{name}: {read.ends!r} is no way to end"
    return read


def _blocks(name: str, body: bytes) -> Iterator[Block]:
    for text in body.split(b"\n\n"):
        if not text:
            continue
        mark, _, wire = text.partition(b"\n")
        word = mark.decode().removeprefix("# ")
        assert word in MEANINGS, f"{name}: {word!r} is none of {', '.join(MEANINGS)}"
        yield Block(wire + b"\n\n", MEANINGS[word])


@cache
def samples() -> tuple[Sample, ...]:
    """Return all of them, by protocol and name."""
    names = sorted(path.relative_to(SAMPLES).as_posix() for path in SAMPLES.glob("*/*.sse"))
    return tuple(sample(name.removesuffix(".sse")) for name in names)
