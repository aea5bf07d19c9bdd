"""The worst minutes: which points are told, and how they are looked at again."""

from sse_observe.report.findings.worst_minutes import refine, worst_minutes
from tests.support.report_findings import WINDOW, distance


def test_the_worst_minutes_are_those_beyond_a_limit() -> None:
    """One of each signal and place, critical ones first."""
    found = worst_minutes(
        [distance("/a", 0.1, 0.9, 0.2), distance("/b", 0.01), distance("/c", 0.4)], WINDOW
    )

    assert [(one.distance.labels["route"], one.at) for one in found] == [("/a", 60), ("/c", 0)]


def test_a_finer_answer_moves_a_minute_within_its_own_place() -> None:
    """Another route's peak is not taken for this one's; without an answer the first one holds."""
    (minute,) = worst_minutes([distance("/a", 0.1, 0.9)], WINDOW)

    finer = refine(minute, [distance("/b", 1.0), distance("/a", 0.2, 0.1, 0.8)])

    assert (finer.at, finer.value, finer.seconds) == (120, 0.8, 60)
    assert refine(minute, [distance("/b", 1.0)]) == minute
