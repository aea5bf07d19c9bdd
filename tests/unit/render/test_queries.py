"""Queries of the boards: words and variables are put in as a program writes them."""

from sse_observe.catalog.load import load
from sse_observe.render.queries import Scope, Variables
from sse_observe.render.settings import Settings

VARIABLES = Variables(
    range="$range", step="$step", rate_window="$window", chosen=lambda label: f"${label}"
)


def test_variables_are_put_into_selectors_and_nowhere_else() -> None:
    """A label value or a grouping that looks like a series stays as it is."""
    scope = Scope(load().signals, Settings(), VARIABLES)

    found = scope.narrow('sum by (route) (route:sse_streams_open:sum{a="sse_concurrent_streams"})')

    assert found == (
        'sum by (route) (route:sse_streams_open:sum{job=~"$job", route=~"$route", '
        'a="sse_concurrent_streams"})'
    )


def test_words_of_a_query_are_those_of_the_program_that_asks() -> None:
    """Range, step, window and choice are put in; raw series are narrowed to instances too."""
    scope = Scope(load().signals, Settings(group_by=("zone",)), VARIABLES)

    found = scope.narrow(
        "rate(sse_events_sent_total[<< rate_window >>]) + x[<< range >>:<< step >>]"
        """ + ALERTS{route=~"<< chosen('route') >>|"}"""
    )

    assert found == (
        'rate(sse_events_sent_total{job=~"$job", zone=~"$zone", route=~"$route", '
        'instance=~"$instance"}[$window]) + x[$range:$step]'
        ' + ALERTS{job=~"$job", zone=~"$zone", route=~"$route|"}'
    )


def test_a_mark_leaves_the_instance_alone() -> None:
    """Restarts are marked whatever instances were chosen for their own row."""
    scope = Scope(load().signals, Settings(), VARIABLES)

    assert (
        scope.narrow("sse_start_time_seconds", by_instance=False)
        == 'sse_start_time_seconds{job=~"$job"}'
    )
