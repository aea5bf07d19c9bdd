"""
Pushes history to a real Prometheus and lets it judge: remote write, replayed rules, `for`.

Prometheus evaluates every expression; only the waiting of `for` is counted here.
"""

import struct
import urllib.request
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import count

import cramjam

from sse_observe.catalog.durations import seconds
from sse_observe.lab.programs.prometheus import PrometheusAPI
from tests.support.schedule import Pace, Schedule

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""The mark of a target that went away: its series ends at once."""

# Each history gets 60 days of its own, so that no test sees another's series. From 1975 on there
# is room for 310 in one process: a Prometheus takes nothing from the future.
_SLOTS = count(163_200_000, 60 * 86400)

Points = Sequence[tuple[float, float]]
Answer = dict[frozenset[tuple[str, str]], dict[float, float]]
"""Labels → time → value."""


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, payload: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(payload)) + payload


# The series of a scrape share its instants; there are millions of samples.
@lru_cache(1 << 10)
def _frame(
    start: float, instants: tuple[float, ...]
) -> tuple[struct.Struct, tuple[bytes | float, ...]]:
    """Return how samples of these instants are packed, and what with: each second is the value."""
    layout, parts = "<", list[bytes | float]()
    for at in instants:
        stamp = b"\x10" + _varint(round((start + at) * 1000))
        length = b"\x12" + _varint(9 + len(stamp)) + b"\x09"
        layout += f"{len(length)}sd{len(stamp)}s"
        parts += [length, 0.0, stamp]
    return struct.Struct(layout), tuple(parts)


# The rows of an answer share their instants as well.
@lru_cache(1 << 10)
def _since(start: float, instants: tuple[float, ...]) -> tuple[float, ...]:
    return tuple([float(at) - start for at in instants])


@lru_cache(1 << 12)
def _label(name: str, value: str) -> bytes:
    return _field(1, _field(1, name.encode()) + _field(2, value.encode()))


def _series(labels: Mapping[str, str], points: Points, start: float) -> bytes:
    pairs = b"".join([_label(name, labels[name]) for name in sorted(labels)])
    instants, values = zip(*points, strict=True) if points else ((), ())
    frame, usual = _frame(start, instants)
    parts = [*usual]
    parts[1::3] = values
    return _field(1, pairs + frame.pack(*parts))


class History:
    """
    One stretch of time in a Prometheus; times are seconds from its start.

    Without a `start` it is a stretch of its own, so that a Prometheus can be shared.
    """

    def __init__(self, api: PrometheusAPI, start: float | None = None) -> None:
        self.api = api
        self.start = next(_SLOTS) if start is None else start

    def push(self, series: Iterable[tuple[Mapping[str, str], Points]]) -> None:
        """Write series; `__name__` is a label like any other."""
        body = b"".join(_series(labels, points, self.start) for labels, points in series)
        if not body:
            return
        request = urllib.request.Request(
            f"{self.api.url}/api/v1/write",
            data=bytes(cramjam.snappy.compress_raw(body)),
            headers={
                "Content-Encoding": "snappy",
                "Content-Type": "application/x-protobuf",
                "X-Prometheus-Remote-Write-Version": "0.1.0",
            },
        )
        with urllib.request.urlopen(request, timeout=30):
            pass

    def ask(self, expr: str, end: float, *, step: float = 30, begin: float = 0) -> Answer:
        """Evaluate at every step."""
        data = self.api.get(
            "query_range",
            query=expr,
            start=self.start + begin,
            end=self.start + end,
            step=step,
        )
        found = {}
        for row in data["result"]:
            instants, values = zip(*row["values"], strict=True)
            since = _since(self.start, instants)
            read = zip(since, map(float, values), strict=True)
            found[frozenset(row["metric"].items())] = dict(read)
        return found

    def record(
        self,
        rules: Iterable[tuple[str, str]],
        end: float,
        *,
        step: float = 30,
        paces: Schedule | None = None,
    ) -> dict[str, Answer]:
        """
        Replay recording rules in their order, write what they record, and return it.

        Each is evaluated at its own pace where it has one, else at every step.
        """
        recorded: dict[str, Answer] = {}
        for name, expr in rules:
            # A rule gives what it records its own name, whatever name an operand left on it.
            found: Answer = {}
            pace = (paces or {}).get(name) or Pace(step)
            instants = pace.instants(end)
            kept = set(instants)
            answer = self.ask(expr, end, step=pace.every, begin=pace.begin)
            for labels, values in answer.items():
                own = found.setdefault(frozenset({**dict(labels), "__name__": name}.items()), {})
                if values.keys() <= kept:
                    own |= values
                else:
                    own |= {at: value for at, value in values.items() if at in kept}
            before = dict(zip(instants[1:], instants, strict=False))
            self.push(
                (dict(labels), _with_stale(values, before)) for labels, values in found.items()
            )
            recorded[name] = found
        return recorded

    def firing(
        self,
        expr: str,
        hold_for: str,
        end: float,
        *,
        step: float = 30,
        missed: Container[float] = (),
    ) -> dict[frozenset[tuple[str, str]], list[float]]:
        """Return for each alert the instants at which it fires: true for as long as `for`."""
        wait = seconds(hold_for)
        fired = {}
        evaluated = [at for at in Pace(step).instants(end) if at not in missed]
        for labels, values in self.ask(expr, end, step=step).items():
            since = float("inf")
            instants = []
            for at in evaluated:
                since = min(since, at) if at in values else float("inf")
                if at - since >= wait:
                    instants.append(at)
            fired[frozenset(pair for pair in labels if pair[0] != "__name__")] = instants
        return fired


def _with_stale(values: Mapping[float, float], before: Mapping[float, float]) -> Points:
    """Mark where a series ends: at the first evaluation that does not find it any more."""
    ends = [at for at in before.keys() - values.keys() if before[at] in values]
    return sorted([*values.items(), *((at, STALE) for at in ends)])


def steady(value: float, end: float, *, begin: float = 0, step: float = 15) -> Points:
    """Return a gauge that stays."""
    return [(begin + i * step, value) for i in range(int((end - begin) / step) + 1)]


def growing(
    per_second: float, end: float, *, begin: float = 0, step: float = 15, first: float = 0
) -> Points:
    """Return a counter that grows evenly."""
    return [
        (begin + i * step, first + per_second * i * step)
        for i in range(int((end - begin) / step) + 1)
    ]
