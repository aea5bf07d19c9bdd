"""Whose fault it was: counts by cause, and what is claimed where they are missing."""

from sse_observe.report.findings.causes import CauseQueries, causes
from sse_observe.report.query.answer import Answer
from sse_observe.report.query.batch import Answers, NamedQuery
from tests.support.report_findings import series

ASKED = CauseQueries(*(NamedQuery(name, "") for name in CauseQueries._fields))


def answers(good: float, **failed: float) -> Answers:
    by_cause = (series({"cause": cause}, (0.0, number)) for cause, number in failed.items())
    return {
        ASKED.good: Answer((series({}, (0.0, good)),)),
        ASKED.failed: Answer(tuple(by_cause)),
    }


def test_shares_are_of_all_streams_and_the_most_frequent_cause_is_first() -> None:
    """Good and failed ones together are the whole; a cause without a stream is not listed."""
    found = causes(ASKED, answers(830, deploy=40, user=0.2, upstream=110, network=20))

    assert found is not None
    assert list(found.failed) == ["upstream", "deploy", "network"]
    assert found.share(found.good) == 0.83
    assert found.share(found.failed["upstream"]) == 0.11


def test_a_count_that_is_missing_claims_nothing() -> None:
    """Without the good ones all would have failed, and without the failed all would be good."""
    known = answers(830, upstream=110)

    assert causes(ASKED, {**known, ASKED.good: Answer(answered=False)}) is None
    assert causes(ASKED, {**known, ASKED.failed: Answer(answered=False)}) is None
    assert causes(ASKED, answers(0)) is None
