"""Thresholds of alerts on the panels that plot their signals."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sse_observe.catalog.model import Alert, Compare, Panel, Severity
from sse_observe.catalog.promql import plotted


class Limit(NamedTuple):
    """The threshold of an alert that watches one query of a panel, in the panel's unit."""

    alert: str
    compare: Compare
    value: float
    severity: Severity
    query: int = 0


def limits_of(panel: Panel, alerts: Iterable[Alert]) -> list[Limit]:
    """Return the thresholds of the alerts whose signal the panel plots as it is."""
    shown = [(number, plotted(query.expr)) for number, query in enumerate(panel.queries)]
    watched = [comparison for alert in alerts for comparison in _thresholds(alert)]
    return [
        limit._replace(query=number)
        for number, series in shown
        for signal, limit in watched
        if signal == series
    ]


def _thresholds(alert: Alert) -> Iterator[tuple[str, Limit]]:
    """Yield each signal with its threshold; a burn-rate alert has one for each long window."""
    for window in alert.windows:
        watched = alert.signal.replace("{window}", window.long)
        yield watched, Limit(alert.name, alert.compare, alert.line(window), window.severity)
    if not alert.windows:
        yield alert.signal, Limit(alert.name, alert.compare, alert.line(), alert.severity)
