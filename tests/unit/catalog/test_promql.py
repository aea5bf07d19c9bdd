"""PromQL as text: names, selectors and ranges, whatever stands in strings."""

import pytest

from sse_observe.catalog import promql
from sse_observe.catalog.promql import plotted


def test_names_are_whole_and_outside_of_strings() -> None:
    """A recorded name is one name, and what stands in quotes is none."""
    query = r'sum by (route) (a:b:rate5m{x="y\"z", w=~"v"}[5m])'

    assert list(promql.names(query)) == ["sum", "by", "route", "a:b:rate5m", "x", "w"]


def test_matchers_are_added_with_and_without_braces() -> None:
    """A selector keeps its own matchers; a name in a string or a grouping is left alone."""
    query = 'sum by (a) (a{b="a"} / c) + a{}'

    found = promql.narrowed(query, lambda name: 'k="v"' if name == "a" and name else None)

    assert found == 'sum by (a{k="v"}) (a{k="v", b="a"} / c) + a{k="v", }'


def test_a_name_is_changed_wherever_it_stands_and_nowhere_else() -> None:
    """Selectors keep their matchers, strings their text."""
    found = promql.renamed('x{x="x"} + xx', lambda name: "y" if name == "x" else name)

    assert found == 'y{y="x"} + xx'


def test_series_over_a_range_are_found_behind_any_matchers() -> None:
    """Braces in strings end no selector, and an instant selector is no range."""
    query = "sum_over_time(a{r=~\"/[a-z]{2}\"}[1h]) + b[<< w('5m') >>] - c"

    assert promql.ranged(query) == {"a", "b"}


@pytest.mark.parametrize("selector", ['{a="b" , c!~"d,e"}', 'a="b", c!~"d,e",'])
def test_selector_is_read_as_matchers(selector: str) -> None:
    """Braces, spaces and a comma at the end change nothing."""
    found = promql.matchers(selector)

    assert found is not None
    assert ", ".join(map(str, found)) == 'a="b", c!~"d,e"'
    assert [(one.label, one.operator, one.value) for one in found] == [
        ("a", "=", "b"),
        ("c", "!~", "d,e"),
    ]


@pytest.mark.parametrize("text", ["a=b", 'a="b" c="d"', 'a=="b"', 'a="b'])
def test_text_that_is_no_selector_is_refused(text: str) -> None:
    """A slip never becomes half of a selector."""
    assert promql.matchers(text) is None


@pytest.mark.parametrize(
    ("expr", "signal"),
    [
        ("topk(10, max by (route) (route:x:rate5m))", "route:x:rate5m"),
        ("max by (a) (route:x:y) and topk(5, max by (a) (route:x:y @ end()))", "route:x:y"),
        ('bottomk(1, min by (route) (route:x:rate5m{a="b"}))', "route:x:rate5m"),
        ("max by (since, limit) (route:x:share1h) > 0.1", "route:x:share1h"),
        ("sum by (route) (route:x:rate5m)", None),
        ("60 * route:x:rate5m", None),
        ("max by (a) (route:x:y) / max by (a) (route:z:y)", None),
        ('route:x:y{a="b"} / route:z:y{a="b"}', None),
    ],
)
def test_only_a_signal_shown_as_it_is_has_a_threshold(expr: str, signal: str | None) -> None:
    """A sum over routes, or a computation, cannot be compared with a route's threshold."""
    assert signal == plotted(expr)
