"""
Reads of other signals: at the instant of an evaluation, or over a stretch of time before it.

Understands the templates of the catalogue; knows no group and no ruler.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from sse_observe.catalog.durations import seconds
from sse_observe.catalog.series import RAW, series_in

_STRING = r'"(?:\\.|[^"\\\n])*"'
_WORD = r"<< \w+(?:\('(?P<{name}>\w+)'\))? >>"
_READ = re.compile(
    rf"(?<![\w:])(?P<series>[a-zA-Z_:][\w:]*)(?:\{{(?:{_STRING}|[^\"{{}}])*\}})?"
    rf"(?:\[{_WORD.format(name='range')}(?P<ranged>\]))?"
    rf"(?: offset {_WORD.format(name='offset')}(?P<past>))?"
)
# `1 - x` and `x - 5` only shift one term.
_SHIFT = re.compile(r"(?:^|\()\s*[\d.]+ - |\s- [\d.]+(?! \*)(?=[\s)]|$)")
_SPAN = re.compile(r"\d+[smhd]$")
_OBJECTIVE = seconds("30d")
"""The length of a window that is the objective's own."""


class Read(NamedTuple):
    """A series that an expression reads, and how many seconds of it; 0 at the instant alone."""

    series: str
    stretch: float


def span_in(record: str) -> str | None:
    """Return how far a signal looks back, as its name tells; None where it says now."""
    span = _SPAN.search(record)
    return span[0] if span else None


def span_of(record: str) -> float:
    """Return the seconds that a signal looks back; 0 where it says now."""
    span = span_in(record)
    return seconds(span) if span else 0


@lru_cache(1024)
def signals_read(expr: str) -> tuple[Read, ...]:
    """Return each recorded series that an expression reads; an offset is a stretch as well."""
    recorded = {*series_in(expr)} - {*RAW}
    reads = []
    for found in _READ.finditer(expr):
        if found["series"] in recorded:
            stretched = found["ranged"] is not None or found["past"] is not None
            span = found["range"] or found["offset"]
            length = seconds(span) if span else _OBJECTIVE
            reads.append(Read(found["series"], length if stretched else 0))
    return tuple(reads)


def subtracts(expr: str) -> bool:
    """Whether an expression is the difference of two terms that both vary."""
    text = re.sub(_STRING, '""', expr)
    text = re.sub(r"<< [^>]* >>", "WORD", text)
    return re.search(r"\s- ", _SHIFT.sub(" ", text)) is not None
