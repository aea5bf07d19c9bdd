"""What fired and when: read from the series that Prometheus and its like write for each alert."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from sse_observe.catalog.durations import duration, seconds
from sse_observe.catalog.model import SEVERITIES, Alert
from sse_observe.report.query.answer import Answer, Points, Series
from sse_observe.report.query.batch import Question
from sse_observe.report.query.builder import quoted
from sse_observe.report.query.window import Window

STATES = "Alerts: states"
"""The name of the question without which nobody knows what fired."""

_OWN = ("__name__", "alertstate", "alertgroup")


@dataclass(frozen=True, slots=True)
class Episode:
    """
    One alert from its first to its last moment in the window.

    `pending` is when its expression became true, where that is known; `start` and `end` are exact
    to the window's step, or better. `fired` is False where it never got beyond pending. `ongoing`
    means that it had not ended with the window.
    """

    alert: str
    severity: str
    labels: Mapping[str, str]
    start: float
    end: float
    pending: float | None
    fired: bool
    ongoing: bool

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.start

    @property
    def rank(self) -> tuple[bool, int, float]:
        """Order: what fired first, then the worst, then the longest."""
        return (not self.fired, severity_rank(self.severity), -self.seconds)


def severity_rank(severity: str) -> int:
    """Return 0 for the worst severity; one that is not ours comes last."""
    return next((i for i, known in enumerate(SEVERITIES) if known == severity), len(SEVERITIES))


def questions(alerts: Iterable[Alert], window: Window, route: str | None) -> tuple[Question, ...]:
    """Ask for the states of these alerts, and for the moments at which they became true."""
    names = "|".join(re.escape(alert.name) for alert in alerts)
    match = f"alertname=~{quoted(names)}"
    if route is not None:
        # An alert of a whole job has no route, and concerns every one.
        match += f", route=~{quoted(f'{re.escape(route)}|')}"
    # What came and went between two points is seen too.
    step = duration(window.step)
    return tuple(
        Question(name, f"max_over_time({series}{{{match}}}[{step}])", window)
        for name, series in (
            (STATES, "ALERTS"),
            ("Alerts: since when", "ALERTS_FOR_STATE"),
        )
    )


def episodes(
    states: Answer,
    since: Answer,
    alerts: Iterable[Alert],
    window: Window,
    recorded: float = math.inf,
) -> tuple[Episode, ...]:
    """Return every episode, the worst first; `recorded` is until when rules were evaluated."""
    known = {alert.name: alert for alert in alerts}
    began = {_identity(series): series.points for series in since.series}
    found = [
        episode
        for series in states.series
        if series.labels.get("alertname") in known
        for episode in _episodes(series, began, known[series.labels["alertname"]], window, recorded)
    ]
    fired = [(_facts(one), one) for one in found if one.fired]
    kept = [
        one
        for one in found
        # Pending is worth a line only where nothing came of it.
        if one.fired
        or not any(
            facts == _facts(one) and one.start <= other.end and other.start <= one.end + window.step
            for facts, other in fired
        )
    ]
    kept.sort(key=lambda episode: episode.rank)
    # Of what came to nothing again and again, the longest time is enough.
    nearly: dict[frozenset[tuple[str, str]], Episode] = {}
    for one in kept:
        if not one.fired:
            nearly.setdefault(_facts(one), one)
    return tuple(one for one in kept if one.fired or nearly[_facts(one)] is one)


def _episodes(
    series: Series,
    began: Mapping[frozenset[tuple[str, str]], Points],
    alert: Alert,
    window: Window,
    recorded: float,
) -> Iterator[Episode]:
    fired = series.labels.get("alertstate") == "firing"
    moments = began.get(_identity(series), ())
    # Thanos asks at whole steps, so that the last point is up to a step before the end; Mimir
    # evaluates its rules a minute late, so that the last points are not there yet.
    newest = min(window.end - 0.99 * window.step, recorded - window.step / 2)
    for first, last in _runs([at for at, value in series.points if value > 0], window.step):
        active = [value for at, value in moments if first <= at <= last and value <= last]
        pending = active[0] if active else None
        start = max(window.start, first - window.step)
        if pending is not None:
            exact = pending + (_hold(alert, series.labels) if fired else 0)
            start = exact if start <= exact <= first else start
        yield Episode(
            alert=alert.name,
            severity=series.labels.get("severity", alert.severity),
            labels={k: v for k, v in sorted(series.labels.items()) if k not in _OWN},
            start=start,
            end=last,
            pending=pending,
            fired=fired,
            ongoing=last >= newest,
        )


def _runs(instants: list[float], step: float) -> Iterator[tuple[float, float]]:
    """Yield first and last of each run of neighbouring points."""
    first = instants[0] if instants else 0.0
    for at, following in pairwise((*instants, math.inf)):
        if following - at > 1.5 * step:
            yield first, at
            first = following


def _hold(alert: Alert, labels: Mapping[str, str]) -> float:
    for window in alert.windows:
        if window.long == labels.get("long"):
            return seconds(window.hold_for)
    return seconds(alert.hold_for) if alert.hold_for else 0.0


def _identity(series: Series) -> frozenset[tuple[str, str]]:
    return frozenset((k, v) for k, v in series.labels.items() if k not in _OWN)


def _facts(episode: Episode) -> frozenset[tuple[str, str]]:
    return frozenset(episode.labels.items())
