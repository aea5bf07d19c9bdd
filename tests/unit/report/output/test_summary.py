"""A series in a few numbers: what a table and a script are given of it."""

from sse_observe.report.output.summary import Summary, summarise
from tests.support.report_findings import series


def test_the_extremes_have_their_times() -> None:
    """Of equal extremes the first; the newest value is the last point's."""
    found = summarise(series({}, (0, 2.0), (60, 8.0), (120, 2.0), (180, 4.0)))

    assert found == Summary(last=4, mean=4, low=2, low_at=0, high=8, high_at=60)
