"""Queries of Datadog: terms, scopes and groups as it writes them."""

import pytest

from sse_observe.catalog.datadog import Form, Term
from sse_observe.render.datadog.query import inline, is_counted, quantile, query, tag

IN = "reason IN (a,b)"
COUNT = ".as_count()"


@pytest.mark.parametrize(
    ("term", "scope", "by", "written"),
    [
        (Term("sse_a"), "*", (), "sum:sse.a.count{*}" + COUNT),
        (
            Term("sse_a", ("b:c", "!d:e")),
            "*",
            ("x",),
            "sum:sse.a.count{b:c,!d:e} by {x}" + COUNT,
        ),
        (Term("sse_a", ("b:c",)), "$x,$y", (), "sum:sse.a.count{$x,$y,b:c}" + COUNT),
        (Term("sse_a", (IN,)), "*", (), f"sum:sse.a.count{{{IN}}}" + COUNT),
        (Term("sse_a", (IN,)), "$x,$y", (), f"sum:sse.a.count{{$x AND $y AND {IN}}}" + COUNT),
        (Term("sse_a.sum"), "*", (), "sum:sse.a.sum{*}" + COUNT),
        (Term("sse_a", how="max", by=("host",)), "*", ("x",), "max:sse.a{*} by {x,host}"),
    ],
)
def test_a_term_is_written(term: Term, scope: str, by: tuple[str, ...], written: str) -> None:
    """Counters count, gauges are put together, and words that are joined by AND stay so."""
    assert query(term, scope, by) == written


def test_a_distribution_is_asked_for_a_quantile() -> None:
    """In Datadog's word for it."""
    assert (
        query(Term("sse_a_seconds"), "*", ("x",), quantile(0.95)) == "p95:sse.a_seconds{*} by {x}"
    )


def test_a_formula_has_its_terms_in_place() -> None:
    """Letters that are no terms stay as they are."""
    form = Form((Term("sse_x", how="sum"), Term("sse_y", how="sum")), "100 * (b - a) / b")

    assert inline(form, "*", ()) == "100 * (sum:sse.y{*} - sum:sse.x{*}) / sum:sse.y{*}"


def test_counts_are_told_from_gauges() -> None:
    """A window adds up the first and averages the second."""
    assert is_counted(Form((Term("sse_a"),)))
    assert not is_counted(Form((Term("sse_a"), Term("sse_b", how="max"))))


def test_labels_have_datadogs_names() -> None:
    """A job is a service there."""
    assert (tag("job"), tag("instance"), tag("route")) == ("service", "host", "route")
