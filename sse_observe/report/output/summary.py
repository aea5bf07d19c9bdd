"""A series in a few numbers: what a plot's table says, and what a script wants to know."""

from dataclasses import dataclass
from statistics import fmean

from sse_observe.report.query.answer import Series


@dataclass(frozen=True, slots=True)
class Digest:
    """The newest, mean, lowest and highest value of a series, and when the last two were."""

    last: float
    mean: float
    low: float
    low_at: float
    high: float
    high_at: float


def digest(series: Series) -> Digest:
    """Return the digest of a series, which has a point at least."""
    low_at, low = min(series.points, key=lambda point: point[1])
    high_at, high = max(series.points, key=lambda point: point[1])
    mean = fmean(value for _, value in series.points)
    return Digest(series.last, mean, low, low_at, high, high_at)
