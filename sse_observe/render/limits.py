"""Thresholds of alerts on the panels that plot their signals, in the unit of the panel."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sse_observe.catalog.model import Alert, Compare, Panel, Query, Severity
from sse_observe.catalog.promql import plotted

# A share of failures over the allowed one: a burn rate, as SREs read it.
_IN_BUDGETS = re.compile(r"^(?P<share>.*\S) / << budget\('\w+'\) >>$", re.DOTALL)


class _Shown(NamedTuple):
    """The series that a query shows as it is, and whether in multiples of the budget."""

    series: str | None
    in_budgets: bool


class Limit(NamedTuple):
    """The threshold of an alert that watches one query of a panel, in the panel's unit."""

    alert: str
    compare: Compare
    value: float
    severity: Severity
    query: int = 0


def limits_of(panel: Panel, alerts: Iterable[Alert]) -> list[Limit]:
    """Return the thresholds of the alerts whose signal the panel plots as it is."""
    shown = [(number, _shown(query)) for number, query in enumerate(panel.queries)]
    watched = [comparison for alert in alerts for comparison in _thresholds(alert)]
    return [
        limit._replace(query=number)
        for number, series in shown
        for signal, limit in watched
        if signal == series
    ]


def _shown(query: Query) -> _Shown:
    share = _IN_BUDGETS.match(query.expr)
    return _Shown(plotted(share["share"] if share else query.expr), share is not None)


def _thresholds(alert: Alert) -> Iterator[tuple[_Shown, Limit]]:
    """Yield each signal with its threshold; a burn-rate alert has one for each long window."""
    for window in alert.windows:
        watched = alert.signal.replace("{window}", window.long)
        limit = Limit(alert.name, alert.compare, alert.line(window), window.severity)
        yield _Shown(watched, in_budgets=False), limit
        yield _Shown(watched, in_budgets=True), limit._replace(value=window.factor)
    if not alert.windows:
        limit = Limit(alert.name, alert.compare, alert.line(), alert.severity)
        yield _Shown(alert.signal, in_budgets=False), limit
