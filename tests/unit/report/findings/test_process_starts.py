"""Process starts: deploys and restarts of the window, with the alert that followed."""

from sse_observe.report.findings.episodes import Episode
from sse_observe.report.findings.process_starts import process_starts
from sse_observe.report.query.answer import Answer
from tests.support.report_findings import LABELS, WINDOW, series

EPISODE = Episode("X", "critical", LABELS, 5000, 6000, 4900, fired=True, ongoing=False)


def test_a_start_stands_with_the_alert_that_followed() -> None:
    """Within an hour, of the same job; starts before the window are none of its business."""
    answer = Answer(
        (
            series({"job": "chat"}, (0, -50.0), (60, 4000.0), (120, 20_000.0)),
            series({"job": "other"}, (0, 4500.0)),
        )
    )

    found = process_starts(answer, WINDOW, [EPISODE])

    assert [(one.at, one.job, one.before is not None) for one in found] == [
        (4000, "chat", True),
        (4500, "other", False),
        (20_000, "chat", False),
    ]
    assert found[0].seconds_before == 900


def test_of_many_starts_those_that_an_alert_followed_are_kept() -> None:
    """A crash loop of an hour leaves twenty rows, not a hundred."""
    looping = series({"job": "chat"}, *((n, 4000.0 + n) for n in range(25)))
    others = series({"job": "other"}, *((n, 30_000.0 + n) for n in range(25)))

    found = process_starts(Answer((looping, others)), WINDOW, [EPISODE])

    assert [one.at for one in found] == [4005.0 + n for n in range(20)]
