"""PromQL as text: names, selectors and ranges, whatever stands in strings."""

import pytest

from sse_observe.catalog.promql import plotted


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
