"""Answers and distances as the findings of a report read them, made by hand."""

from dataclasses import replace

from sse_observe.catalog.load import load
from sse_observe.catalog.model import Alert
from sse_observe.report.findings.limit_distance import LimitDistance
from sse_observe.report.query.answer import Point, Series
from sse_observe.report.window import Window

WINDOW = Window(0, 36_000, 60)
ALERTS = {alert.name: alert for alert in load().alerts}
STALLED = replace(ALERTS["SSEStreamsStalled"], threshold=0.05)
LABELS = {"alertname": "SSEStreamsStalled", "job": "chat", "route": "/a", "severity": "critical"}


def series(labels: dict[str, str], *points: tuple[float, float]) -> Series:
    """Return a series of these points."""
    return Series(labels, tuple(Point(at, value) for at, value in points))


def constant(value: float, begin: int, end: int, **labels: str) -> Series:
    """Return a series of one alert that has one value from a time to another."""
    points = ((float(at), value) for at in range(begin, end + 1, 60))
    return series({**LABELS, **labels}, *points)


def distance(
    route: str, *values: float, alert: Alert = STALLED, limit: float = 0.05
) -> LimitDistance:
    """Return how far an alert's signal was from its limit on a route, minute by minute."""
    points = tuple(Point(60.0 * n, value) for n, value in enumerate(values))
    return LimitDistance(alert, "ratio", limit, {"route": route}, points)
