"""The vocabulary: what follows from the facts of a query, a row, a comparison and an alert."""

from dataclasses import replace

import pytest

from sse_observe.catalog.load import load
from sse_observe.catalog.model import (
    COMPARE,
    DOWNWARD,
    UPWARD,
    Comparison,
    Panel,
    Query,
    Row,
    Window,
)

ALERTS = {alert.name: alert for alert in load().alerts}
WINDOW = Window(long="1h", short="5m", factor=14.4, hold_for="2m", severity="critical")


@pytest.mark.parametrize(
    ("legend", "label"), [("{{route}}", "route"), ("all", None), ("{{limit}} s", None), ("", None)]
)
def test_a_line_is_named_by_a_label_or_by_words(legend: str, label: str | None) -> None:
    """Only a name that is nothing but a label's value is that label's."""
    assert Query(expr="x", legend=legend).label == label


def test_a_row_reads_instances_if_one_of_its_queries_does() -> None:
    """One query of raw series is enough to need a choice."""
    panel = Panel(title="T", kind="stat", unit="count", description="D.", queries=())
    raw = replace(panel, queries=(Query(expr="x"), Query(expr="y", by_instance=True)))

    assert not Row(title="", panels=(panel,)).by_instance
    assert Row(title="", panels=(panel, raw)).by_instance


def test_comparisons_have_one_direction_or_none() -> None:
    """High values fulfil some, low values others; equality is neither."""
    for compare, holds in COMPARE.items():
        assert holds(2, 1) == (compare in UPWARD or compare == "!=")
        assert holds(1, 2) == (compare in DOWNWARD or compare == "!=")
        assert holds(1, 1) == (compare in ("<=", ">=", "=="))


def test_an_alert_compares_its_signal_and_each_guard() -> None:
    """All terms of an alert stand in one list, its own first."""
    own, *guards = ALERTS["SSEHighReconnectLatency"].comparisons()

    assert (own.signal, own.line()) == ("route:sse_reconnects_slow:ratio_rate10m", 0.05)
    assert tuple(guards) == ALERTS["SSEHighReconnectLatency"].guards


def test_a_burn_rate_compares_over_both_windows() -> None:
    """Long and short window share the threshold, times the factor; guards take their own span."""
    burn = replace(ALERTS["SSEErrorBudgetBurn"], threshold=0.005)

    long, short, *guards = burn.comparisons(WINDOW)

    assert (long.signal, short.signal) == tuple(burn.signals())[:2]
    assert (long.line(), short.line()) == (0.072, 0.072)
    assert not any("{" in guard.signal for guard in guards)
    assert {guard.signal for guard in guards} <= {*burn.guard_signals()}


def test_severities_are_those_of_the_windows() -> None:
    """An alert with windows has several severities, each named once."""
    assert ALERTS["SSEErrorBudgetBurn"].severities == ("critical", "warning")
    assert ALERTS["SSEMessageLoss"].severities == (ALERTS["SSEMessageLoss"].severity,)


def test_a_guard_takes_the_span_of_a_window() -> None:
    """`{long}` and `{short}` stand for the windows of the pair."""
    guard = Comparison(signal="a:increase{long}_{short}", compare=">=", threshold=3)

    assert guard.over(WINDOW) == replace(guard, signal="a:increase1h_5m")
