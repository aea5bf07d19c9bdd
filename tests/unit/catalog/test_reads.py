"""Reads of other signals, from the words of a template."""

import pytest

from sse_observe.catalog.reads import Read, signals_read, span_of, subtracts

A, B = "route:sse_a:rate5m", "route:sse_b:rate5m"


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (A, [Read(A, 0)]),
        (f'sum({A}{{le="+Inf"}})', [Read(A, 0)]),
        (f"avg_over_time({A}[<< w('30m') >>])", [Read(A, 1800)]),
        (f"sum_over_time({A}{{x=~\"a|}}\"}}[<< w('1h') >>])", [Read(A, 3600)]),
        (f"{A} - {A} offset << w('5m') >>", [Read(A, 0), Read(A, 300)]),
        (f"sum_over_time({A}[<< slo_window >>])", [Read(A, 30 * 86400)]),
        (f"{A} / {B}", [Read(A, 0), Read(B, 0)]),
        ("rate(sse_streams_opened_total[<< rate('5m') >>])", []),
    ],
)
def test_reads_are_told_by_their_stretch(expr: str, expected: list[Read]) -> None:
    """At the instant, over a range, or at an earlier instant; raw metrics are no signals."""
    assert list(signals_read(expr)) == expected


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (f"{A} - {B}", True),
        (f"{A} - 0.4 * sqrt({B})", True),
        (f"{A}\n  - ({B} - {B} offset << w('5m') >>)", True),
        (f"{A} - 5 - 3 * {B}", True),
        (f"1 - {A}", False),
        (f"100 * (1 - {A} / {B})", False),
        (f"{A} - 5", False),
        (f'{A}{{x="a - b"}} / {B}', False),
    ],
)
def test_difference_is_one_of_two_things_that_vary(expr: str, expected: bool) -> None:
    """A shift by a constant makes no small error large."""
    assert subtracts(expr) is expected


def test_name_tells_how_far_a_signal_looks_back() -> None:
    """One without a window says what is now."""
    assert span_of("route:sse_a:rate5m") == 300
    assert span_of("route:sse_a:ratio_rate1h") == 3600
    assert span_of("route:sse_a:sum") == 0
