"""Forms of a signal: each has its unit and labels, and is written in one way."""

from sse_observe.catalog.signals.measures import ROUTE, number, rate, share, total


def test_each_form_has_its_unit() -> None:
    """A share is a ratio, a number a count; what is per second grows when time is scaled."""
    assert share("a", "x", "A.").unit == "ratio"
    assert number("a", "x", "A.", "job").labels == ("job",)
    assert (share("a", "x", "A.").labels, number("a", "x", "A.").per_second) == (ROUTE, False)
    assert rate("a", "x", "A.").per_second


def test_a_total_adds_up_evaluations() -> None:
    """Labels that are to go are added up too."""
    assert total("s", "1h") == "sum_over_time(s[<< w('1h') >>]) * << interval >>"
    assert total("s", "1h", merged=True).startswith("sum by (<< by >>) (sum_over_time(s[")
