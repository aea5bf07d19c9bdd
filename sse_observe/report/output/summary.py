"""A series in a few numbers: for the table below a chart, and for a script."""

from dataclasses import dataclass
from operator import attrgetter
from statistics import fmean

from sse_observe.report.query.answer import Series


@dataclass(frozen=True, slots=True)
class Summary:
    """The newest, mean, lowest and highest value of a series, and when the last two were."""

    last: float
    mean: float
    low: float
    low_at: float
    high: float
    high_at: float


def summarise(series: Series) -> Summary:
    """Return the summary of a series, which has a point at least."""
    low = min(series.points, key=attrgetter("value"))
    high = max(series.points, key=attrgetter("value"))
    mean = fmean(point.value for point in series.points)
    return Summary(series.last, mean, low.value, low.at, high.value, high.at)
