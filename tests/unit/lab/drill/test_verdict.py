"""The verdict on one fault."""

from dataclasses import replace

import pytest

from sse_observe.lab.drill.verdict import Claim, Verdict

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


def test_what_must_hold_beside_the_alerts_decides_too() -> None:
    """A deploy may fail streams and fire nothing."""
    assert replace(GOOD, claims=(Claim("kept", holds=True),)).as_expected
    assert not replace(GOOD, claims=(Claim("not", holds=False),)).as_expected


@pytest.mark.parametrize("what", ["missing", "late", "unexpected", "unresolved"])
def test_one_alert_that_is_wrong_in_any_way_fails_it(what: str) -> None:
    """A drill that passes half is a drill that failed."""
    assert not replace(GOOD, **{what: ("A",)}).as_expected
