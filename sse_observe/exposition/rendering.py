"""
From families to the bytes of an exposition, in pieces that stop no event loop for long.

Formats and their choice are prometheus_client's. So are the lines of families that are not ours;
our own families write theirs themselves, where the format is seen to be the one they know.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from math import inf, nan

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from sse_observe.registry.families import LazyMetric, line_of

# 32 KB are some 400 lines: a third of a millisecond to write, and as much to compress.
_PIECE = 32_768
# In a thread: a foreign family is written as one, at 10 to 25 µs for each of its lines.
_LONG_FAMILY = 200
_EOF = b"# EOF\n"
# A scraper uses one of two; whoever asks for a hundred versions shall not fill the memory.
_MOST_FORMATS = 8


class Families:
    """Some families, as prometheus_client wants to be handed them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._held = tuple(families)

    def collect(self) -> Iterable[Metric]:
        """Return the families."""
        return self._held


class Format:
    """
    One format of the exposition, as a request's `Accept` chose it.

    Our own families write themselves where the format's lines are seen to be those that they
    know; any other way of escaping or numbering is left to prometheus_client.
    """

    def __init__(self, encode: Callable[[Collector], bytes], content_type: str) -> None:
        self.content_type = content_type
        self._encode = encode
        self._heads: dict[str, str] = {}
        ways = (way for way in (True, False) if self._knows(exemplars=way))
        self._exemplars = next(ways, None)

    @property
    def end(self) -> bytes:
        """Return what ends the text."""
        return _EOF if self._encode(Families(())) == _EOF else b""

    async def pieces(self, family: Metric) -> AsyncIterator[bytes]:
        """Yield one family; a large one in pieces, or written beside the loop."""
        if isinstance(family, LazyMetric) and self._exemplars is not None:
            waiting, size = [self._head(family)], 0
            for lines in family.text(exemplars=self._exemplars):
                waiting.append(lines)
                size += len(lines)
                if size >= _PIECE:
                    yield "".join(waiting).encode()
                    waiting, size = [], 0
            yield "".join(waiting).encode()
        elif isinstance(family.samples, list) and len(family.samples) < _LONG_FAMILY:
            yield self._write(family)
        else:
            yield await asyncio.to_thread(self._write, family)

    def _write(self, *families: Metric) -> bytes:
        return self._encode(Families(families)).removesuffix(_EOF)

    def _head(self, family: Metric) -> str:
        head = self._heads.get(family.name)
        if head is None:
            bare = Metric(family.name, family.documentation, family.type)
            head = self._heads[family.name] = self._write(bare).decode()
        return head

    def _knows(self, *, exemplars: bool) -> bool:
        """Tell whether our lines are this format's, by writing some of each kind."""
        for family in _probes():
            lines = (line_of(sample, exemplars=exemplars) for sample in family.samples)
            bare = Metric(family.name, family.documentation, family.type)
            if self._write(family) != self._write(bare) + "".join(lines).encode():
                return False
        return True


def _probes() -> Iterator[Metric]:
    """Yield samples with all that a format may write in its own way."""
    labels = {"z": 'a "quote"', "a": "back\\slash", "m": "line\nend, ü"}
    gauge = Metric("probe", "x", "gauge")
    for value in (0.0, -1.5, 1e6, 123456789.0, 1e21, 1e-9, inf, -inf, nan):
        gauge.add_sample("probe", labels, value)
    yield gauge
    counter = Metric("probe", "x", "counter")
    counter.add_sample("probe_total", {}, 3.0)
    yield counter
    histogram = Metric("probe", "x", "histogram")
    for at in (None, 1700000000.25):
        case = Exemplar({"trace_id": 'x"\\'}, 0.25, at)
        histogram.add_sample("probe_bucket", {**labels, "le": "+Inf"}, 3.0, exemplar=case)
    histogram.add_sample("probe_sum", {}, 0.5)
    yield histogram


_formats: dict[str, Format] = {}


def format_of(accept: str) -> Format:
    """Return the format that a request accepts; the oldest where it cannot be understood."""
    try:
        encode, content_type = choose_encoder(accept)
    except Exception:  # noqa: BLE001 - a stranger's version number is no error of ours
        encode, content_type = choose_encoder("")
    found = _formats.get(content_type)
    if found is None:
        if len(_formats) >= _MOST_FORMATS:
            _formats.clear()
        found = _formats[content_type] = Format(encode, content_type)
    return found
