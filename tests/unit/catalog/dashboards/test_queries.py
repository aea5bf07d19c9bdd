"""Queries that many panels ask: each bounds what it returns, and is named by its label."""

import pytest

from sse_observe.catalog.dashboards.queries import (
    column,
    each,
    high_by,
    highest,
    in_range,
    instances,
    low_by,
    lowest,
    mean,
    most_by,
    now,
    per_minute_by,
    quantile,
    quantiles,
    sum_by,
)
from sse_observe.catalog.model import Query


@pytest.mark.parametrize(
    ("query", "begin", "end"),
    [
        (high_by("route", "s"), "max by (route) (s) and topk(10, ", "max_over_time(s"),
        (low_by("route", "s", 5), "min by (route) (s) and bottomk(5, ", "min_over_time(s"),
        (most_by("route", "s"), "sum by (route) (s) and topk(10, ", "max_over_time(s"),
    ],
)
def test_lines_are_chosen_once_for_the_range(query: Query, begin: str, end: str) -> None:
    """A `topk` at each step would let lines come and go: the choice is made at the end."""
    assert query.expr.startswith(begin)
    assert query.expr.endswith(f"({end}[<< range >>] @ end())))")
    assert query.label == "route"


def test_the_worst_route_is_the_highest_or_the_lowest() -> None:
    """One route, by name and now, in the direction that is bad."""
    assert highest("s").expr == "topk(1, max by (route) (s))"
    assert lowest("s").expr == "bottomk(1, min by (route) (s))"
    assert highest("s").instant
    assert lowest("s").label == "route"


def test_a_column_has_a_title_and_the_worst_first() -> None:
    """A table's query is named by its column, and holds every route of an application."""
    found = column("Failed", "min", "s", "count")

    assert found.expr == "bottomk(50, min by (route) (s))"
    assert (found.legend, found.label, found.unit, found.instant) == ("Failed", None, "count", True)


def test_a_count_of_the_range_is_a_sum_over_evaluations() -> None:
    """The events of a rate are its sum times the seconds between two evaluations."""
    found = in_range("s:rate5m", "seen_by")

    assert found.expr == "sum by (seen_by) (sum_over_time(s:rate5m[<< range >>])) * << interval >>"
    assert found.label == "seen_by"
    assert in_range("s:rate5m").expr.startswith("sum (sum_over_time(")


def test_raw_series_are_asked_of_twenty_instances_at_most() -> None:
    """The row of instances is marked, so that nobody asks a whole fleet."""
    found = instances("sum by (instance) (x)", exemplar=True)

    assert found.expr == "topk(20, sum by (instance) (x))"
    assert (found.by_instance, found.exemplar, found.label) == (True, True, "instance")


def test_nothing_is_no_value() -> None:
    """A quantile of nothing is NaN, and a mean of nothing would be: neither is shown."""
    assert now(quantile(0.95, "b")).expr == "histogram_quantile(0.95, sum by (le) (b)) >= 0"
    assert mean("total", "b", by="a").expr == 'sum by (a) (total) / (sum by (a) (b{le="+Inf"}) > 0)'


def test_quantiles_are_named_as_they_are_coloured() -> None:
    """Three lines, each under the name that has a shade."""
    assert [query.legend for query in quantiles("b")] == ["p50", "p95", "p99"]


def test_sums_and_enums_are_named_by_their_label() -> None:
    """One line for each value of a label."""
    for query in (sum_by("reason", "s"), each("reason", "s"), per_minute_by("reason", "s")):
        assert query.label == "reason"
        assert "by (reason) (s)" in query.expr
    assert per_minute_by("reason", "s").expr.startswith("60 * ")
