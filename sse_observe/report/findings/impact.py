"""
Who was affected: routes, networks and segments ranked by how much they differ from the rest.

Two kinds of evidence, in one measure: the alerts' own signals by place, and shares counted over
the time of the incident, which say more about networks and segments.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import median

from sse_observe.catalog.model import DOWNWARD, Alert, Signal
from sse_observe.report.findings.episodes import Episode, severity_rank
from sse_observe.report.findings.limit_distance import SPLIT, Excess
from sse_observe.report.query.answer import Answer
from sse_observe.report.query.batch import Question
from sse_observe.report.query.builder import Wording

# Three of a kind, and three standard errors from the rest: chance alone does that once in 700.
_FEWEST = 3.0
_ERRORS = 3.0


def _counted(series: str) -> str:
    """Count what a recorded rate saw in the window, by the label that stands for LABEL."""
    return f"sum by (LABEL) (sum_over_time({series}[<< range >>])) * << interval >>"


_BUCKETS = "route_split:sse_reconnect_time_seconds_bucket:rate5m"
_RECONNECTS = _counted(f'{_BUCKETS}{{le="+Inf"}}')
# prometheus_client writes le="5.0", others le="5".
_WITHIN = _counted(_BUCKETS + r'{le=~"5(\\.0)?"}')


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """
    One value of a label, by the measure in which it differs most.

    `own` and `rest` are in `unit`; `beyond` and `rest_beyond` are multiples of the alert's limit.
    `counted` are how many of how many, where that is known. `severity` is that of the worst alert
    that fired for it, else empty. `clear` tells a difference from noise.
    """

    label: str
    value: str
    measure: str
    unit: str
    own: float
    rest: float | None
    limit: float
    beyond: float
    rest_beyond: float
    counted: tuple[float, float] | None = None
    severity: str = ""
    clear: bool = True
    also: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """How many limits lie between it and the rest."""
        return self.beyond - self.rest_beyond

    @property
    def rank(self) -> tuple[bool, int, float]:
        """Order: a clear difference first, then who has the worst alert, then by difference."""
        return (not self.clear, severity_rank(self.severity), -self.difference)


@dataclass(frozen=True, slots=True)
class Share:
    """
    Something counted by a label: bad ones and others, against what an alert allows.

    `others` is what the bad ones are compared with: all, or with `apart` those that were good.
    """

    measure: str
    alert: str
    labels: tuple[str, ...]
    bad: str
    others: str
    apart: bool = False


SHARES = (
    Share(
        "Streams that failed",
        "SSECompletionRateLow",
        SPLIT,
        f"clamp_min({_counted('route_split:sse_streams_lost:rate5m')}, 0)",
        _counted("route_split:sse_streams_completed:rate5m"),
        apart=True,
    ),
    Share(
        "Reconnects over 5 s",
        "SSEHighReconnectLatency",
        ("route", "network_type"),
        f"{_RECONNECTS} - {_WITHIN}",
        _RECONNECTS,
    ),
    Share(
        "TCP segments sent again",
        "SSEPacketLossHigh",
        ("route", "network_type"),
        _counted("route_split:sse_tcp_retransmitted_segments:rate5m"),
        _counted("route_split:sse_tcp_sent_segments:rate5m"),
    ),
)
"""Counted over the incident by whoever it may have hit."""

Asked = Mapping[tuple[Share, str], tuple[Question, Question]]


def questions(wording: Wording, at: float, limits: Mapping[str, float]) -> Asked:
    """Ask for the shares whose alert has a limit, over the span that the wording has."""

    def ask(share: Share, label: str, expr: str) -> Question:
        name = f"Compared by {label}: {share.measure}"
        return Question(name, wording.of(f"topk(50, {expr.replace('LABEL', label)})"), at=at)

    return {
        (share, label): (ask(share, label, share.bad), ask(share, label, share.others))
        for share in SHARES
        for label in share.labels
        if share.alert in limits
    }


def from_shares(
    asked: Asked, answers: Mapping[Question, Answer], limits: Mapping[str, float]
) -> Iterator[Suspect]:
    """
    Yield every value of every label with its share, and that of all others together.

    No share is made of one count alone: nobody is found well because a question failed.
    """
    for (share, label), (bad_question, others_question) in asked.items():
        if not (answers[bad_question].answered and answers[others_question].answered):
            continue
        bad = _by(label, answers[bad_question])
        others = _by(label, answers[others_question])
        whole = {
            value: others.get(value, 0.0) + (bad.get(value, 0.0) if share.apart else 0.0)
            for value in {*bad, *others}
        }
        limit = limits[share.alert]
        for value, count in whole.items():
            if count < _FEWEST:
                continue
            own_bad = min(max(bad.get(value, 0.0), 0.0), count)
            rest_whole = sum(whole.values()) - count
            rest_bad = max(sum(bad.values()) - own_bad, 0.0)
            own = own_bad / count
            rest = rest_bad / rest_whole if rest_whole > 0 else None
            yield Suspect(
                label=label,
                value=value,
                measure=share.measure,
                unit="ratio",
                own=own,
                rest=rest,
                limit=limit,
                beyond=own / limit,
                rest_beyond=(rest or 0.0) / limit,
                counted=(own_bad, count),
                clear=_is_clear(own_bad, count, rest_bad, rest_whole, limit),
            )


def _is_clear(bad: float, whole: float, rest_bad: float, rest: float, limit: float) -> bool:
    if bad < _FEWEST:
        return False
    if rest <= 0:
        return bad / whole > limit
    pooled = (bad + rest_bad) / (whole + rest)
    error = math.sqrt(max(pooled * (1 - pooled), 1e-12) * (1 / whole + 1 / rest))
    return bad / whole - rest_bad / rest > _ERRORS * error


def from_signals(
    found: Iterable[Excess], labels: Iterable[str], known: Mapping[str, Iterable[str]]
) -> Iterator[Suspect]:
    """
    Yield each place by the worst moment of each signal, beside the median of the other places.

    A place that is `known` and has no value had too little to be judged: nothing was wrong there.
    """
    labels = tuple(labels)
    by_alert: dict[str, list[Excess]] = {}
    for excess in found:
        by_alert.setdefault(excess.alert.name, []).append(excess)
    for places in by_alert.values():
        for label in labels:
            worst: dict[str, Excess] = {}
            for place in places:
                value = place.labels.get(label)
                if value is not None and (value not in worst or _peak(place) > _peak(worst[value])):
                    worst[value] = place
            for value, place in worst.items():
                others = [
                    _peak(worst[other]) if other in worst else 0.0
                    for other in {*worst, *known.get(label, ())} - {value}
                ]
                values = [one.worst[1] for other, one in worst.items() if other != value]
                yield Suspect(
                    label=label,
                    value=value,
                    measure=place.alert.summary,
                    unit=place.unit,
                    own=place.worst[1],
                    rest=median(values) if values else None,
                    limit=place.limit,
                    beyond=_peak(place),
                    rest_beyond=median(others) if others else 0.0,
                    clear=_peak(place) > 1,
                )


def _peak(excess: Excess) -> float:
    return excess.times(excess.worst[1])


def ranked(
    suspects: Iterable[Suspect], fired: Iterable[Episode], most: int = 10
) -> dict[str, tuple[Suspect, ...]]:
    """Return for each label its values, each once and by its clearest measure, worst first."""
    severity: dict[tuple[str, str], str] = {}
    for episode in fired:
        for pair in episode.labels.items():
            if episode.fired:
                severity[pair] = min(
                    severity.get(pair, episode.severity), episode.severity, key=severity_rank
                )
    by_place: dict[tuple[str, str], list[Suspect]] = {}
    for suspect in suspects:
        one = replace(suspect, severity=severity.get((suspect.label, suspect.value), ""))
        by_place.setdefault((one.label, one.value), []).append(one)
    found: dict[str, list[Suspect]] = {}
    for (label, _), several in by_place.items():
        first, *others = sorted(several, key=_telling)
        also = tuple(dict.fromkeys(one.measure for one in others if one.clear and one.beyond > 1))
        found.setdefault(label, []).append(replace(first, also=also))
    return {
        label: tuple(sorted(values, key=lambda one: one.rank)[:most])
        for label, values in found.items()
    }


def _telling(suspect: Suspect) -> tuple[bool, float]:
    """Order the measures of one place: what is clear first, by how far it is from the rest."""
    return (not suspect.clear, -(suspect.difference if suspect.clear else suspect.beyond))


def limits(alerts: Iterable[Alert], signals: Mapping[str, Signal]) -> dict[str, float]:
    """Return the share of bad ones that each alert allows."""
    found = {}
    for alert in alerts:
        if not alert.windows and signals[alert.signal].unit == "ratio":
            line = alert.line()
            found[alert.name] = round(1 - line, 12) if alert.compare in DOWNWARD else line
    return {name: limit for name, limit in found.items() if limit > 0}


def _by(label: str, answer: Answer) -> dict[str, float]:
    return {series.labels.get(label, ""): series.last for series in answer.series}
