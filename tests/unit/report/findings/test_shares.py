"""Shares of bad ones: counted by place, and clear only where chance does not explain them."""

from dataclasses import replace

import pytest

from sse_observe.catalog.load import load
from sse_observe.report.findings.shares import SHARES, AskedShare, from_shares, limits
from sse_observe.report.query.answer import Answer
from sse_observe.report.query.batch import NamedQuery
from tests.support.report_findings import ALERTS, series

ASKED = AskedShare(SHARES[0], "network_type", 0.005, NamedQuery("bad", ""), NamedQuery("good", ""))


def answer(counts: dict[str, float]) -> Answer:
    return Answer(tuple(series({"network_type": name}, (0.0, n)) for name, n in counts.items()))


def compared(bad: dict[str, float], good: dict[str, float]) -> dict[str, tuple[bool, float]]:
    """Return for each network whether it clearly differs, and its share."""
    found = from_shares([ASKED], {ASKED.bad: answer(bad), ASKED.others: answer(good)})
    return {one.value: (one.clear, round(one.own, 3)) for one in found}


@pytest.mark.parametrize(
    ("bad", "good", "clear"),
    [
        ({"3g": 50, "4g": 50}, {"3g": 950, "4g": 950}, set()),
        ({"3g": 80, "4g": 3}, {"3g": 920, "4g": 2997}, {"3g"}),
        ({"3g": 2}, {"3g": 2, "4g": 5000}, set()),
        ({"3g": 4}, {"3g": 1000, "4g": 1000}, set()),
        ({"3g": 10}, {"3g": 90}, {"3g"}),
        ({}, {"3g": 90}, set()),
        ({"3g": 0.4}, {}, set()),
    ],
)
def test_a_difference_is_clear_only_where_chance_does_not_explain_it(
    bad: dict[str, float], good: dict[str, float], clear: set[str]
) -> None:
    """Equal shares, and two of two, say nothing; a tenth of a thousand against none does."""
    assert {name for name, (is_clear, _) in compared(bad, good).items() if is_clear} == clear


def test_no_share_is_made_of_one_count_alone() -> None:
    """A failed query for the bad ones must not make every place look well."""
    answers = {ASKED.bad: Answer(answered=False), ASKED.others: answer({"3g": 900})}

    assert list(from_shares([ASKED], answers)) == []


def test_a_share_is_compared_with_what_its_alert_allows() -> None:
    """An alert below 99.5 % allows half a percent; one that counts, or burns, allows no share."""
    low = replace(ALERTS["SSECompletionRateLow"], threshold=0.995)
    loss = replace(ALERTS["SSEMessageLoss"], threshold=0)
    burn = replace(ALERTS["SSEErrorBudgetBurn"], threshold=0.005)

    found = limits([low, loss, burn], load().signals)

    assert found == {"SSECompletionRateLow": 0.005}
