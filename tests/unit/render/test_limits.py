"""Thresholds of alerts on the panels that plot their signals."""

from dataclasses import replace

from sse_observe.catalog.model import Alert, Panel, Query, Window
from sse_observe.render.limits import Limit, limits_of

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
