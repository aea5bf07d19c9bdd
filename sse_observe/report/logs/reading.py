"""Log lines that belong to an incident: read from a file, dated, judged, masked, and counted."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sse_observe.errors import ReportError
from sse_observe.report.logs.entry import Entry, parse
from sse_observe.report.logs.masking import masked
from sse_observe.report.query.window import Window

MOST_BYTES = 64 << 20
"""Only the end of a larger file is read."""

MOST_KINDS = 100
_MOST_KEPT = 5000
_LINE = 4000
_FOLLOWING = 30
_SHOWN = 2000
_OURS = "sse_observe"
_WORDS = re.compile(
    r"(?i)event-?stream|\bsse\b|eventsource|last-event-id|upstream (?:timed out|prematurely)|"
    r"broken pipe|connection reset|client disconnected"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_LOUD = {"warning": 2, "error": 1, "critical": 1}


@dataclass(slots=True)
class Kind:
    """Lines that differ in their numbers only: how often, when first and last, and the first."""

    rank: int
    logger: str
    level: str
    text: str
    first: float
    last: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class Reading:
    """
    What a log says about the window; `kinds` are our own lines first, then the loud ones.

    `notes` say what was left out.
    """

    name: str
    lines: int
    within: int
    kinds: tuple[Kind, ...]
    notes: tuple[str, ...] = ()


@dataclass
class _Count:
    lines: int = 0
    within: int = 0
    undated: int = 0
    kinds: dict[tuple[str, ...], Kind] = field(default_factory=dict)
    seen: dict[tuple[str, ...], Kind] = field(default_factory=dict)
    full: bool = False


def read_log(path: Path, window: Window, route: str | None = None) -> Reading:
    """Return what a file says about a window; ReportError where it cannot be read."""
    count = _Count()
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - MOST_BYTES))
            if size > MOST_BYTES:
                # The first line is cut in two.
                file.readline()
            for entry in _entries(_lines(file), window, count):
                _take(count, entry, window, route)
    except OSError as error:
        raise ReportError(
            f"--logs {path}: {error.strerror or error}; name a file that can be read"
        ) from None
    kinds = sorted(count.kinds.values(), key=lambda kind: (kind.rank, -kind.count, kind.first))
    notes = []
    if size > MOST_BYTES:
        notes.append(f"only the last {MOST_BYTES >> 20} MiB were read")
    if count.undated:
        notes.append(f"{count.undated} lines before the first dated one were left out")
    if count.full or len(kinds) > MOST_KINDS:
        notes.append(f"only {MOST_KINDS} kinds of lines are shown")
    if count.lines and not count.within:
        notes.append("no line has a time within the window; times without a zone are read as UTC")
    return Reading(path.name, count.lines, count.within, tuple(kinds[:MOST_KINDS]), tuple(notes))


def _lines(file: Iterable[bytes]) -> Iterator[str]:
    for line in file:
        # A line without an end would be read whole otherwise: what counts stands in front.
        yield line[: 4 * _LINE].decode("utf-8", "replace").rstrip("\r\n")[:_LINE]


def _entries(lines: Iterable[str], window: Window, count: _Count) -> Iterator[Entry]:
    """Yield dated entries; what has no date of its own (a traceback) belongs to the one before."""
    entry: Entry | None = None
    following = 0
    for line in lines:
        count.lines += 1
        if not line.strip():
            continue
        read = parse(line, window.end)
        if read is not None:
            if entry is not None:
                yield entry
            entry, following = read, 0
        elif entry is None:
            count.undated += 1
        elif following < _FOLLOWING:
            entry.text += f"\n{line}"
            following += 1
    if entry is not None:
        yield entry


def _take(count: _Count, entry: Entry, window: Window, route: str | None) -> None:
    if not window.start <= entry.at <= window.end:
        return
    count.within += 1
    rank = _rank(entry, route)
    if rank is None:
        return
    # Masking costs more than all the rest: once for what is said again and again.
    raw = (entry.logger, entry.level, _NUMBER.sub("0", entry.text))
    kind = count.seen.get(raw)
    if kind is None:
        logger, text = masked(entry.logger), masked(entry.text)
        text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"
        key = (logger, entry.level, _NUMBER.sub("0", text))
        if key not in count.kinds and len(count.kinds) >= _MOST_KEPT:
            count.full = True
            return
        fresh = Kind(rank, logger, entry.level, text, entry.at, entry.at, 0)
        kind = count.kinds.setdefault(key, fresh)
        if len(count.seen) < _MOST_KEPT:
            count.seen[raw] = kind
    kind.count += 1
    kind.first, kind.last = min(kind.first, entry.at), max(kind.last, entry.at)


def _rank(entry: Entry, route: str | None) -> int | None:
    """Return 0 for our own lines, 1 for errors, 2 for warnings, 3 for streams; None for others."""
    ours = entry.logger.split(".")[0] == _OURS
    if route is not None and entry.route is not None and entry.route != route:
        return None
    if ours:
        # How streams ended well is in the numbers.
        return 0 if entry.level in _LOUD or not entry.ended_well else None
    if entry.level in _LOUD:
        return _LOUD[entry.level]
    if _WORDS.search(entry.text) or (route is not None and route in entry.text):
        return 3
    return None
