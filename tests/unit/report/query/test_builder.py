"""Queries as an API takes them: no variable is left, and a name is matched as it stands."""

from sse_observe.catalog.load import load
from sse_observe.render.settings import Intervals, Settings
from sse_observe.report.query.builder import QueryBuilder, quoted
from sse_observe.report.window import Window

HOUR = Window(0, 3600, 60)


def built(expr: str, route: str | None = None) -> str:
    builder = QueryBuilder(load(), Settings(), Intervals(30, 150), HOUR, route)
    return builder.build(expr)


def test_a_variable_without_a_choice_matches_everything() -> None:
    """A report has no drop-down: job and route are not narrowed, and spans are the window's."""
    assert built("sum_over_time(route:sse_streams_open:sum[<< range >>])") == (
        'sum_over_time(route:sse_streams_open:sum{job=~".+", route=~".+"}[1h])'
    )
    assert built("rate(x[<< rate_window >>]) + y[<< step >>]") == "rate(x[1m15s]) + y[1m]"


def test_a_route_is_matched_as_it_stands() -> None:
    """Braces, dots and quotes of a template are no pattern, and do not end the string."""
    query = built("route:sse_streams_open:sum", '/chat/{id}."x"')

    assert query.endswith(r'route=~"/chat/\\{id\\}\\.\"x\""}')
    assert quoted('a\\"\n') == r'"a\\\"\n"'


def test_counts_are_multiplied_by_the_interval_of_their_signal() -> None:
    """A slow signal is a sum over fewer evaluations."""
    usual = built("sum_over_time(route:sse_streams_open:sum[5m]) * << interval >>")
    slow = built("sum_over_time(route_split:sse_streams_open:sum[5m]) * << interval >>")

    assert usual.endswith("* 30")
    assert slow.endswith("* 150")
