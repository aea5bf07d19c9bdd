"""The verdict on one fault."""

from dataclasses import replace

import pytest

from sse_observe.lab.drill.verdict import Verdict

GOOD = Verdict(
    fault="freeze",
    expected=("A",),
    fired={"A": 3.0},
    within=30,
    missing=(),
    late=(),
    unexpected=(),
    unresolved=(),
    runbooks={"A": "http://h/A.md"},
    recovered=4.0,
)


def test_a_fault_whose_alerts_came_in_time_and_went_is_as_expected() -> None:
    """Nothing else is asked of it."""
    assert GOOD.as_expected


@pytest.mark.parametrize("what", ["missing", "late", "unexpected", "unresolved"])
def test_one_alert_that_is_wrong_in_any_way_fails_it(what: str) -> None:
    """A drill that passes half is a drill that failed."""
    assert not replace(GOOD, **{what: ("A",)}).as_expected
