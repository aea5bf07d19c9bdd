"""
Thresholds of alerts on the panels that plot their signals, and the colours that follow from them.

Both renderers of panels read it: Grafana's boards, and the charts of reports and of live boards.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sse_observe.catalog.model import (
    DOWNWARD,
    UPWARD,
    Alert,
    Colour,
    Compare,
    Panel,
    Query,
    Severity,
    Unit,
)
from sse_observe.catalog.promql import plotted
from sse_observe.render.palette import SEVERITY_COLOURS

Steps = Sequence[tuple[float | None, Colour]]
"""Colours from a bound on, in order; the first has none."""

# If all values are zero, an axis reaches 100: of a share that is 10000 %.
_LEAST_TOP: dict[Unit, float] = {"ratio": 0.01, "count": 1, "per minute": 1}

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
    names = {one.series for _, one in shown}
    watched = [
        comparison
        for alert in alerts
        if alert.windows or alert.signal in names
        for comparison in _thresholds(alert)
    ]
    return [
        limit._replace(query=number)
        for number, series in shown
        for signal, limit in watched
        if signal == series
    ]


def judged(panel: Panel, limits: Sequence[Limit], fine: Colour = "good", series: str = "") -> Steps:
    """Colour a single value: by its alerts' thresholds, else as the panel says, else plain."""
    if not limits:
        first: Colour = panel.colours.get(series, "good" if panel.steps else "plain")
        return [(None, first), *panel.steps]
    worst = sorted(limits, key=lambda limit: limit.value)
    colours = [SEVERITY_COLOURS[limit.severity] for limit in worst]
    values = [limit.value for limit in worst]
    if worst[-1].compare in DOWNWARD:
        return [(None, colours[0]), *zip(values, [*colours[1:], fine], strict=True)]
    return [(None, fine), *zip(values, colours, strict=True)]


def colour_at(steps: Steps, value: float) -> Colour:
    """Return the colour that a value has."""
    return [colour for bound, colour in steps if bound is None or value >= bound][-1]


def soft_top(panel: Panel, limits: Iterable[Limit]) -> float | None:
    """Return how far an axis reaches at least: a threshold is seen while values are low."""
    above = [limit.value for limit in limits if limit.compare in UPWARD and limit.value]
    return min(above) * 1.1 if above else _LEAST_TOP.get(panel.unit)


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
