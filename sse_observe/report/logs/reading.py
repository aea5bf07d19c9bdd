"""Log lines that belong to an incident: read from a file, dated, judged, masked, and counted."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sse_observe.errors import ReportError
from sse_observe.report.logs.entry import Entry, parse
from sse_observe.report.logs.masking import masked
from sse_observe.report.window import Window

MOST_BYTES = 64 << 20
"""Only the end of a larger file is read."""

MOST_KINDS = 100
_MOST_KEPT = 5000
_LINE = 4000
_FOLLOWING = 30
_SHOWN = 2000
_OURS = "sse_observe"
_ABOUT_STREAMS = re.compile(
    r"(?i)event-?stream|\bsse\b|eventsource|last-event-id|upstream (?:timed out|prematurely)|"
    r"broken pipe|connection reset|client disconnected"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_BAD_LEVELS = {"warning": 2, "error": 1, "critical": 1}


@dataclass(slots=True)
class LineKind:
    """Lines that differ in their numbers only: how often, when first and last, and the first."""

    rank: int
    logger: str
    level: str
    text: str
    first: float
    last: float
    count: int = 0

    def add(self, at: float) -> None:
        """Count one more line of this kind."""
        self.count += 1
        self.first, self.last = min(self.first, at), max(self.last, at)


@dataclass(frozen=True, slots=True)
class LogExcerpt:
    """
    Lines of a log that belong to the window; `kinds` are our own first, then errors.

    `remarks` say what was left out.
    """

    name: str
    lines: int
    in_window: int
    kinds: tuple[LineKind, ...]
    remarks: tuple[str, ...] = ()


@dataclass
class _Reader:
    """Counts the lines of one file as they come."""

    window: Window
    route: str | None
    lines: int = 0
    in_window: int = 0
    undated: int = 0
    kinds: dict[tuple[str, ...], LineKind] = field(default_factory=dict)
    by_unmasked: dict[tuple[str, ...], LineKind] = field(default_factory=dict)
    full: bool = False

    def read(self, lines: Iterable[str]) -> None:
        """Count lines, to the last."""
        for entry in self._entries(lines):
            if self.window.contains(entry.at):
                self.in_window += 1
                rank = _rank(entry, self.route)
                kind = None if rank is None else self._kind_of(entry, rank)
                if kind is not None:
                    kind.add(entry.at)

    def remarks(self, *, cut: bool) -> Iterator[str]:
        """Say what was left out."""
        if cut:
            yield f"only the last {MOST_BYTES >> 20} MiB were read"
        if self.undated:
            yield f"{self.undated} lines before the first dated one were left out"
        if self.full or len(self.kinds) > MOST_KINDS:
            yield f"only {MOST_KINDS} kinds of lines are shown"
        if self.lines and not self.in_window:
            yield "no line has a time within the window; times without a zone are read as UTC"

    def _entries(self, lines: Iterable[str]) -> Iterator[Entry]:
        """Yield dated entries; a line without a date (a traceback) belongs to the one before."""
        entry: Entry | None = None
        following = 0
        for line in lines:
            self.lines += 1
            if not line.strip():
                continue
            dated = parse(line, self.window.end)
            if dated is not None:
                if entry is not None:
                    yield entry
                entry, following = dated, 0
            elif entry is None:
                self.undated += 1
            elif following < _FOLLOWING:
                entry.text += f"\n{line}"
                following += 1
        if entry is not None:
            yield entry

    def _kind_of(self, entry: Entry, rank: int) -> LineKind | None:
        """Return the kind of an entry; None where there are too many."""
        # Masking costs more than all the rest: once for a line that comes again and again.
        unmasked = (entry.logger, entry.level, _NUMBER.sub("0", entry.text))
        known = self.by_unmasked.get(unmasked)
        if known is not None:
            return known
        logger, text = masked(entry.logger), masked(entry.text)
        text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"
        key = (logger, entry.level, _NUMBER.sub("0", text))
        if key not in self.kinds and len(self.kinds) >= _MOST_KEPT:
            self.full = True
            return None
        fresh = LineKind(rank, logger, entry.level, text, entry.at, entry.at)
        kind = self.kinds.setdefault(key, fresh)
        if len(self.by_unmasked) < _MOST_KEPT:
            self.by_unmasked[unmasked] = kind
        return kind


def read_log(path: Path, window: Window, route: str | None = None) -> LogExcerpt:
    """Return the lines of a file that belong to a window; ReportError where it cannot be read."""
    reader = _Reader(window, route)
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - MOST_BYTES))
            if size > MOST_BYTES:
                # The first line is cut in two.
                file.readline()
            reader.read(_lines(file))
    except OSError as error:
        raise ReportError(
            f"--logs {path}: {error.strerror or error}; name a file that can be read"
        ) from None
    kinds = sorted(reader.kinds.values(), key=lambda kind: (kind.rank, -kind.count, kind.first))
    remarks = tuple(reader.remarks(cut=size > MOST_BYTES))
    return LogExcerpt(path.name, reader.lines, reader.in_window, tuple(kinds[:MOST_KINDS]), remarks)


def _lines(file: Iterable[bytes]) -> Iterator[str]:
    for line in file:
        # A line without an end would be read whole otherwise: what counts stands in front.
        yield line[: 4 * _LINE].decode("utf-8", "replace").rstrip("\r\n")[:_LINE]


def _rank(entry: Entry, route: str | None) -> int | None:
    """Return 0 for our own lines, 1 for errors, 2 for warnings, 3 for streams; None for others."""
    if route is not None and entry.route is not None and entry.route != route:
        return None
    if entry.logger.split(".")[0] == _OURS:
        # How streams ended well is in the numbers.
        return 0 if entry.level in _BAD_LEVELS or not entry.ended_well else None
    if entry.level in _BAD_LEVELS:
        return _BAD_LEVELS[entry.level]
    if _ABOUT_STREAMS.search(entry.text) or (route is not None and route in entry.text):
        return 3
    return None
