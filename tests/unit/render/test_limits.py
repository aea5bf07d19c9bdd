"""Thresholds of alerts on the panels that plot their signals."""

from dataclasses import replace

import pytest

from sse_observe.catalog.model import Alert, Panel, Query, Step, Window
from sse_observe.render.limits import Limit, colour_at, judged, limits_of, soft_top

ALERT = Alert(
    name="SSESlow",
    source="p.md",
    signal="route:slow:ratio",
    compare=">",
    threshold=0.05,
    hold_for="5m",
    severity="warning",
    dashboard="b",
    summary="Slow",
    description="Slow",
    prose="",
)
PANEL = Panel(
    title="T",
    kind="timeseries",
    unit="ratio",
    description="D.",
    queries=(
        Query(expr="sum(route:slow:ratio)"),
        Query(expr="max by (route) (route:slow:ratio)"),
    ),
)


def test_a_query_that_shows_the_signal_has_its_alerts_threshold() -> None:
    """The query is named by its number; a sum of the signal has no threshold."""
    assert limits_of(PANEL, [ALERT]) == [Limit("SSESlow", ">", 0.05, "warning", 1)]


def test_a_burn_rate_has_the_threshold_of_each_long_window() -> None:
    """Budget times factor, with the severity of the pair."""
    pairs = [("1h", 14.4, "critical"), ("3d", 1, "warning")]
    windows = tuple(
        Window(long=long, short="5m", factor=factor, hold_for="1m", severity=severity)
        for long, factor, severity in pairs
    )
    burn = replace(ALERT, signal="route:slow:ratio_rate{window}", windows=windows)
    shown = replace(PANEL, queries=(Query(expr="max(route:slow:ratio_rate1h)"),))

    assert limits_of(shown, [burn]) == [Limit("SSESlow", ">", 0.72, "critical", 0)]


def test_a_burn_rate_in_times_the_allowed_rate_has_the_factor_as_threshold() -> None:
    """A share of failures over the budget reads × 14.4, and so does the line on its panel."""
    window = Window(long="1h", short="5m", factor=14.4, hold_for="1m", severity="critical")
    burn = replace(ALERT, signal="route:slow:ratio_rate{window}", windows=(window,))
    expr = "max(route:slow:ratio_rate1h) / << budget('completion') >>"
    shown = replace(PANEL, queries=(Query(expr=expr), Query(expr=f"2 * {expr}")))

    assert limits_of(shown, [burn, ALERT]) == [Limit("SSESlow", ">", 14.4, "critical", 0)]


def test_a_value_is_coloured_by_its_alerts() -> None:
    """Beyond a threshold it has the severity's colour, in whichever direction is bad."""
    high = Limit("A", ">", 0.2, "critical"), Limit("B", ">", 0.1, "warning")
    low = Limit("A", "<", 0.9, "critical"), Limit("B", "<", 0.95, "warning")

    assert judged(PANEL, high) == [(None, "good"), (0.1, "warn"), (0.2, "bad")]
    assert judged(PANEL, low) == [(None, "bad"), (0.9, "warn"), (0.95, "good")]


def test_a_value_that_no_alert_watches_is_coloured_as_the_panel_says() -> None:
    """Steps of the panel, or plain: nobody is told that a value is good by chance."""
    stepped = Panel(
        title="T", kind="stat", unit="count", description="D.", queries=(), steps=(Step(1, "bad"),)
    )

    assert judged(PANEL, ()) == [(None, "plain")]
    assert judged(stepped, ()) == [(None, "good"), (1, "bad")]


def test_a_value_on_a_bound_has_the_colour_that_begins_there() -> None:
    """Below the first bound it has the base colour."""
    steps = [(None, "good"), (1, "warn"), (2, "bad")]

    assert [colour_at(steps, value) for value in (-5, 0.9, 1, 2.5)] == [
        *("good", "good", "warn", "bad")
    ]


def test_an_axis_reaches_the_lowest_threshold_from_below() -> None:
    """A threshold that is off the chart warns nobody; one that lies below needs no room above."""
    high, higher = Limit("A", ">", 0.1, "warning"), Limit("B", ">", 0.5, "critical")

    assert soft_top(PANEL, (higher, high)) == pytest.approx(0.11)
    assert soft_top(PANEL, (Limit("C", "<", 0.9, "critical"),)) == 0.01
