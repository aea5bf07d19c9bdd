"""
Impact ranking: routes, networks and segments by how much they differ from the rest.

Two kinds of evidence in one measure: the alerts' own signals by place (here), and shares counted
over the time of the incident (`shares`), which say more about networks and segments.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

from sse_observe.report.findings.episodes import Episode, severity_rank
from sse_observe.report.findings.limit_distance import LimitDistance

_MOST = 10


class Counted(NamedTuple):
    """How many of how many were bad."""

    bad: float
    whole: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """
    One value of a label, by the measure in which it differs most.

    `own` and `rest` are in `unit`; `times_limit` and `rest_times_limit` are multiples of the
    alert's limit. `counted` is there where something was counted. `severity` is that of the worst
    alert that fired for it, else empty. `clear` tells a difference from chance. `also` are the
    other measures in which it is beyond a limit.
    """

    label: str
    value: str
    measure: str
    unit: str
    own: float
    rest: float | None
    limit: float
    times_limit: float
    rest_times_limit: float
    counted: Counted | None = None
    severity: str = ""
    clear: bool = True
    also: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """How many limits lie between it and the rest."""
        return self.times_limit - self.rest_times_limit

    @property
    def rank(self) -> tuple[bool, int, float]:
        """Order of places: a clear difference first, then the worst alert, then by difference."""
        return (not self.clear, severity_rank(self.severity), -self.difference)

    @property
    def evidence_rank(self) -> tuple[bool, float]:
        """Order of one place's measures: what is clear first, then by how far from the rest."""
        return (not self.clear, -(self.difference if self.clear else self.times_limit))


def from_signals(
    distances: Iterable[LimitDistance], labels: Iterable[str], known: Mapping[str, Iterable[str]]
) -> Iterator[Impact]:
    """
    Yield each place by the worst point of each signal, beside the median of the other places.

    A place that is `known` and has no value had too little to be judged: nothing was wrong there.
    """
    labels = tuple(labels)
    by_alert: dict[str, list[LimitDistance]] = {}
    for distance in distances:
        by_alert.setdefault(distance.alert.name, []).append(distance)
    for measured in by_alert.values():
        for label in labels:
            yield from _beside_the_rest(label, _worst_by(label, measured), known.get(label, ()))


def _worst_by(label: str, measured: Iterable[LimitDistance]) -> dict[str, LimitDistance]:
    """Return the worst of each value of a label."""
    worst: dict[str, LimitDistance] = {}
    for distance in measured:
        value = distance.labels.get(label)
        if value is not None and (
            value not in worst or distance.worst_times > worst[value].worst_times
        ):
            worst[value] = distance
    return worst


def _beside_the_rest(
    label: str, worst: Mapping[str, LimitDistance], known: Iterable[str]
) -> Iterator[Impact]:
    times = {**dict.fromkeys(known, 0.0), **{v: one.worst_times for v, one in worst.items()}}
    for value, distance in worst.items():
        rest = [one.worst.value for other, one in worst.items() if other != value]
        rest_times = [one for other, one in times.items() if other != value]
        yield Impact(
            label=label,
            value=value,
            measure=distance.alert.summary,
            unit=distance.unit,
            own=distance.worst.value,
            rest=median(rest) if rest else None,
            limit=distance.limit,
            times_limit=times[value],
            rest_times_limit=median(rest_times) if rest_times else 0.0,
            clear=times[value] > 1,
        )


def ranked(impacts: Iterable[Impact], episodes: Iterable[Episode]) -> dict[str, tuple[Impact, ...]]:
    """Return for each label its values, each once and by its clearest measure, worst first."""
    severities = _severities(episodes)
    by_place: dict[tuple[str, str], list[Impact]] = {}
    for one in impacts:
        by_place.setdefault((one.label, one.value), []).append(one)
    found: dict[str, list[Impact]] = {}
    for place, measures in by_place.items():
        clearest, *others = sorted(measures, key=lambda one: one.evidence_rank)
        also = dict.fromkeys(one.measure for one in others if one.clear and one.times_limit > 1)
        found.setdefault(clearest.label, []).append(
            replace(clearest, severity=severities.get(place, ""), also=tuple(also))
        )
    return {
        label: tuple(sorted(values, key=lambda one: one.rank)[:_MOST])
        for label, values in found.items()
    }


def _severities(episodes: Iterable[Episode]) -> dict[tuple[str, str], str]:
    """Return the severity of the worst alert that fired, by label and value."""
    worst: dict[tuple[str, str], str] = {}
    for episode in episodes:
        for place in episode.labels.items() if episode.fired else ():
            known = worst.get(place, episode.severity)
            worst[place] = min(known, episode.severity, key=severity_rank)
    return worst
