"""Episodes of alerts: read from the series that Prometheus and its like write for each alert."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from sse_observe.catalog.durations import duration, seconds
from sse_observe.catalog.model import SEVERITIES, Alert
from sse_observe.report.query.answer import Answer, Points, Series
from sse_observe.report.query.batch import NamedQuery
from sse_observe.report.query.builder import quoted
from sse_observe.report.window import Window

STATES = "Alerts: states"
"""The name of the query without which nobody knows what fired."""

_NOT_THE_ALERTS = ("__name__", "alertstate", "alertgroup")

Identity = frozenset[tuple[str, str]]
"""The labels of one alert, whatever its state."""


@dataclass(frozen=True, slots=True)
class Episode:
    """
    One alert from its first to its last time in the window.

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
    def onset(self) -> float:
        """When it began: when it became true, else when it was first seen."""
        return self.pending or self.start

    @property
    def identity(self) -> Identity:
        """Its labels, to compare and to look up."""
        return frozenset(self.labels.items())

    @property
    def rank(self) -> tuple[bool, int, float]:
        """Order: what fired first, then the worst, then the longest."""
        return (not self.fired, severity_rank(self.severity), -self.seconds)


class StateQueries(NamedTuple):
    """The states of alerts over time, and since when each was true."""

    states: NamedQuery
    since: NamedQuery


def severity_rank(severity: str) -> int:
    """Return 0 for the worst severity; one that is not ours comes last."""
    return next((i for i, known in enumerate(SEVERITIES) if known == severity), len(SEVERITIES))


def queries(alerts: Iterable[Alert], window: Window, route: str | None) -> StateQueries:
    """Ask for the states of these alerts, and for the times at which they became true."""
    names = "|".join(re.escape(alert.name) for alert in alerts)
    match = f"alertname=~{quoted(names)}"
    if route is not None:
        # An alert of a whole job has no route, and concerns every one.
        match += f", route=~{quoted(f'{re.escape(route)}|')}"
    # What came and went between two points is seen too.
    step = duration(window.step)

    def ask(name: str, series: str) -> NamedQuery:
        return NamedQuery(name, f"max_over_time({series}{{{match}}}[{step}])", window)

    return StateQueries(ask(STATES, "ALERTS"), ask("Alerts: since when", "ALERTS_FOR_STATE"))


def episodes(
    states: Answer,
    since: Answer,
    alerts: Iterable[Alert],
    window: Window,
    evaluated_until: float = math.inf,
) -> tuple[Episode, ...]:
    """Return every episode, the worst first; of an alert that never fired the longest alone."""
    by_name = {alert.name: alert for alert in alerts}
    became_true = {_identity(series): series.points for series in since.series}
    # Thanos asks at whole steps, so that the last point is up to a step before the end; Mimir
    # evaluates its rules a minute late, so that the last points are not there yet.
    newest = min(window.end - 0.99 * window.step, evaluated_until - window.step / 2)
    found = [
        episode
        for series in states.series
        if (alert := by_name.get(series.labels.get("alertname", "")))
        for episode in _episodes(
            series, became_true.get(_identity(series), ()), alert, window, newest
        )
    ]
    fired = [one for one in found if one.fired]
    kept = [*fired, *_never_fired(found, fired, window.step)]
    return tuple(sorted(kept, key=lambda episode: episode.rank))


def firing_span(episodes: Iterable[Episode], window: Window) -> tuple[float, float]:
    """Return from when to when alerts were true and fired; the whole window where none did."""
    fired = [one for one in episodes if one.fired]
    if not fired:
        return window.start, window.end
    start = min(max(window.start, one.onset) for one in fired)
    end = max(one.end for one in fired)
    return start, max(end, start + min(window.seconds, 5 * window.step))


def _never_fired(
    found: Iterable[Episode], fired: Iterable[Episode], step: float
) -> Iterator[Episode]:
    """Yield what was pending only: where nothing came of it, and then once, the longest time."""
    by_identity: dict[Identity, list[Episode]] = {}
    for one in fired:
        by_identity.setdefault(one.identity, []).append(one)
    longest: dict[Identity, Episode] = {}
    for one in found:
        if one.fired or any(
            one.start <= other.end and other.start <= one.end + step
            for other in by_identity.get(one.identity, ())
        ):
            continue
        known = longest.get(one.identity)
        if known is None or one.rank < known.rank:
            longest[one.identity] = one
    return iter(longest.values())


def _episodes(
    series: Series, became_true: Points, alert: Alert, window: Window, newest: float
) -> Iterator[Episode]:
    fired = series.labels.get("alertstate") == "firing"
    seen = [point.at for point in series.points if point.value > 0]
    for first, last in _runs(seen, window.step):
        within = (point for point in became_true if first <= point.at <= last)
        pending = next((point.value for point in within if point.value <= last), None)
        start = max(window.start, first - window.step)
        if pending is not None:
            exact = pending + (_hold(alert, series.labels) if fired else 0)
            start = exact if start <= exact <= first else start
        yield Episode(
            alert=alert.name,
            severity=_severity(alert, series.labels),
            labels=dict(sorted(_identity(series))),
            start=start,
            end=last,
            pending=pending,
            fired=fired,
            ongoing=last >= newest,
        )


def _runs(times: Iterable[float], step: float) -> Iterator[tuple[float, float]]:
    """Yield first and last of each run of neighbouring points."""
    first: float | None = None
    for at, following in pairwise((*times, math.inf)):
        first = at if first is None else first
        if following - at > 1.5 * step:
            yield first, at
            first = None


def _severity(alert: Alert, labels: Mapping[str, str]) -> str:
    """Return an alert's severity, also where its label has a company's own name for it."""
    label = labels.get("severity")
    if label in SEVERITIES:
        return label
    long = labels.get("long")
    return next((w.severity for w in alert.windows if w.long == long), alert.severity)


def _hold(alert: Alert, labels: Mapping[str, str]) -> float:
    """Return for how many seconds an alert must be true before it fires."""
    for window in alert.windows:
        if window.long == labels.get("long"):
            return seconds(window.hold_for)
    return seconds(alert.hold_for) if alert.hold_for else 0.0


def _identity(series: Series) -> Identity:
    return frozenset(pair for pair in series.labels.items() if pair[0] not in _NOT_THE_ALERTS)
