"""
Evaluation of the rules as it really was: how often, and until when, seen in what they recorded.

Counts are sums over evaluations. With the interval of other settings than the rules had, they
would be wrong by a factor, and nobody would notice.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from sse_observe.render.expressions import Expressions
from sse_observe.render.settings import Intervals, Settings
from sse_observe.report.query.source import Source

# One signal of each interval.
USUAL = "route:sse_streams_open:sum[10m]"
SLOW = "route_split:sse_streams_open:sum[15m]"

Times = Sequence[Sequence[float]]
"""When each series of a signal was recorded, oldest first."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The intervals between two evaluations, and the newest one that is known of."""

    intervals: Intervals
    until: float = math.inf


def observe(source: Source, settings: Settings, at: float) -> Evaluation:
    """Ask a source when its rules were evaluated last; where it does not know, settings hold."""
    select = Expressions(settings).select
    return evaluation(settings, _times(source, select(USUAL), at), _times(source, select(SLOW), at))


def evaluation(settings: Settings, usual: Times, slow: Times) -> Evaluation:
    """Return how rules were evaluated that recorded usual and slow signals at these times."""
    return Evaluation(
        Intervals(
            usual=_interval(usual, settings.intervals.usual),
            slow=_interval(slow, settings.intervals.slow),
        ),
        until=max(itertools.chain.from_iterable(usual), default=math.inf),
    )


def _times(source: Source, expr: str, at: float) -> Times:
    return [[point.at for point in one.points] for one in source.at(expr, at).series]


def _interval(recorded: Iterable[Sequence[float]], expected: float) -> float:
    gaps = [later - earlier for times in recorded for earlier, later in itertools.pairwise(times)]
    seen = median(gaps) if gaps else expected
    return expected if abs(seen / expected - 1) < 0.1 else seen
