"""The selector on raw metrics and on records: what finds the one must find the other."""

import pytest

from sse_observe.render.selection import Selection, selection

CASES = {
    "nothing": ("", (), Selection()),
    "a value": (
        'env="eu"',
        (),
        Selection('env="eu"', 'env="eu"', {"env": "eu"}),
    ),
    "a label that records carry anyway": (
        'env=~"eu|us", job="chat"',
        ("env",),
        Selection('env=~"eu|us", job="chat"', 'env=~"eu|us", job="chat"', {}),
    ),
    "a pattern of a label that no record carries": (
        'zone!="test"',
        (),
        Selection(
            'zone!="test"', 'sse_selector="zone!=\\"test\\""', {"sse_selector": 'zone!="test"'}
        ),
    ),
    "labels with values of the rules' own": (
        'instance="a", route="/x", env="eu"',
        (),
        Selection(
            'instance="a", route="/x", env="eu"',
            'env="eu", sse_selector="instance=\\"a\\", route=\\"/x\\""',
            {"env": "eu", "sse_selector": 'instance="a", route="/x"'},
        ),
    ),
    "a value with letters of its own": (
        'env="é\\\\d"',
        (),
        Selection('env="é\\\\d"', 'env="é\\\\d"', {"env": "é\\d"}),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_selector_finds_its_records(case: str) -> None:
    """All that a record carries is asked of it; the rest is put on it as a label first."""
    text, group_by, expected = CASES[case]

    assert selection(text, group_by) == expected


def test_bundles_that_differ_in_a_pattern_record_different_series() -> None:
    """Two rule files in one Prometheus never write the same series."""
    one, other = (selection(f'zone=~"{zone}-.*"', ()) for zone in ("eu", "us"))

    assert one.marks != other.marks
    assert one.recorded != other.recorded
