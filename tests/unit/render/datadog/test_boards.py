"""Dashboards: what a panel asks, in Datadog's words, or why it cannot."""

import pytest

from sse_observe.catalog.datadog import Form, Reason, Term
from sse_observe.catalog.model import Query
from sse_observe.render.datadog.boards import Asked, asked

COUNT, GAUGE = Term("sse_a"), Term("sse_g", how="sum")
KNOWN: dict[str, Form | Reason] = {
    "route:sse_a:rate5m": Form((COUNT,)),
    "route:sse_g:sum": Form((GAUGE,)),
    "route:sse_h_bucket:rate5m": Form((Term("sse_h"),), quantiles=True),
    "route:sse_slow:ratio_rate10m": Form((Term("sse_h"),), bound=5),
    "route:sse_no:sum": Reason("because"),
}


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("sum by (route) (route:sse_a:rate5m)", Asked(Form((COUNT,)), ("route",))),
        ("60 * sum by (x) (route:sse_a:rate5m)", Asked(Form((COUNT,)), ("x",), 60)),
        ('sum(route:sse_a:rate5m{x="y"})', Asked(Form((Term("sse_a", ("x:y",)),)), ())),
        ("topk(1, max by (job) (route:sse_g:sum))", Asked(Form((GAUGE,)), ("service",))),
        ("max by (route) (route:sse_g:sum) and topk(9, x)", Asked(Form((GAUGE,)), ("route",))),
        ("sum(route:sse_g:sum) >= 0", Asked(Form((GAUGE,)), ())),
        ("topk(20, sum by (instance) (sse_g))", Asked(Form((GAUGE,)), ("host",))),
        (
            "histogram_quantile(0.95, sum by (route, le) (route:sse_h_bucket:rate5m))",
            Asked(KNOWN["route:sse_h_bucket:rate5m"], ("route",), 1, "p95"),
        ),
        (
            "sum by (x) (sum_over_time(route:sse_a:rate5m[<< range >>])) * << interval >>",
            Asked(Form((COUNT,)), ("x",)),
        ),
        ("max(route:sse_no:sum)", Reason("because")),
    ],
)
def test_a_query_is_read(expr: str, found: object) -> None:
    """Sums, worst ones, quantiles and counts of the range."""
    assert asked(Query(expr=expr), KNOWN) == found


@pytest.mark.parametrize(
    "expr", ["a / b", "max(route:sse_slow:ratio_rate10m)", "sum(route:sse_unheard:sum)"]
)
def test_what_cannot_be_asked_has_a_reason(expr: str) -> None:
    """A share beyond a bound is no quantile, and an unknown query is never guessed."""
    assert isinstance(asked(Query(expr=expr), KNOWN), Reason)
