"""Signals in Datadog's words: read off the PromQL, stated, or refused with a reason."""

from dataclasses import replace

import pytest

from sse_observe.catalog.datadog import Form, Reason, Term, forms, narrowed, problems
from sse_observe.catalog.load import load
from sse_observe.catalog.model import Signal

SIGNALS = load().signals


def signal(expr: str, record: str = "route:sse_new:rate5m") -> Signal:
    return Signal(record=record, expr=expr, unit="count", help="H.")


@pytest.mark.parametrize(
    ("expr", "term"),
    [
        ("sum by (<< by >>) (rate(sse_a_total[<< rate('5m') >>]))", Term("sse_a")),
        (
            'sum by (<< by >>) (rate(sse_a_total{b="c", d!="e"}[<< rate(\'5m\') >>]))',
            Term("sse_a", ("b:c", "!d:e")),
        ),
        ("sum by (<< by >>) (increase(sse_a_total[<< w('5m') >>]))", Term("sse_a")),
        ("sum by (<< by >>) (rate(sse_a_sum[<< rate('5m') >>]))", Term("sse_a.sum")),
        ("sum by (<< by >>) (sse_a)", Term("sse_a", how="sum")),
        ("sum by (<< by >>) (avg_over_time(sse_a[<< w('5m') >>]))", Term("sse_a", how="sum")),
    ],
)
def test_what_adds_up_one_metric_is_read_off(expr: str, term: Term) -> None:
    """A new signal of the usual shape needs no word of its own."""
    new = signal(expr)

    assert forms([new]) == {new.record: Form((term,))}


def test_a_signal_over_another_has_its_terms() -> None:
    """Narrowed by what it selects of it."""
    one = signal("sum by (<< by >>) (rate(sse_a_total[<< rate('5m') >>]))")
    other = signal(
        "sum by (<< by >>) (sum_over_time(route:sse_new:rate5m{x!~\"y|z\"}[<< w('1h') >>]))"
        " * << interval >>",
        "route:sse_new:increase1h",
    )

    assert forms([one, other])[other.record] == Form((Term("sse_a", ("!x:y", "!x:z")),))


def test_one_of_several_values_cannot_be_a_tag() -> None:
    """`x=~"y|z"` would need a series for each; it must be stated."""
    assert narrowed(Form((Term("sse_a"),)), 'x=~"y|z"') is None
    assert narrowed(Reason("no"), "x=~'y'") == Reason("no")


def test_a_signal_without_form_and_reason_is_refused() -> None:
    """Whoever adds one that cannot be read off states its form, or why there is none."""
    (line, *_) = problems([*SIGNALS, signal("a / b", "route:sse_new:ratio")])

    assert line.startswith("signal route:sse_new:ratio: Datadog's form of it cannot be read off")


def test_a_statement_about_nothing_is_refused() -> None:
    """A renamed signal leaves no statement behind."""
    renamed = [
        replace(each, record="route:sse_other:share1h") if "cuts:share" in each.record else each
        for each in SIGNALS
    ]

    assert any(
        "route:sse_cuts:share1h: no signal is called so" in line for line in problems(renamed)
    )


def test_every_signal_has_one_or_the_other() -> None:
    """As the catalogue's own check demands it."""
    assert list(problems(SIGNALS)) == []
    assert forms(SIGNALS).keys() == {each.record for each in SIGNALS}
