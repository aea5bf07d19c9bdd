"""
Shares of bad streams, reconnects and segments: counted by place over the time of the incident.

A share counts as clearly different only where chance does not explain it.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sse_observe.catalog.model import DOWNWARD, Alert, Signal
from sse_observe.report.findings.impact import Counted, Impact
from sse_observe.report.findings.limit_distance import PLACE_LABELS
from sse_observe.report.query.answer import Answer
from sse_observe.report.query.batch import Answers, NamedQuery
from sse_observe.report.query.builder import QueryBuilder

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
        PLACE_LABELS,
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


class AskedShare(NamedTuple):
    """One share by one label, and the two queries that it is made of."""

    share: Share
    label: str
    limit: float
    bad: NamedQuery
    others: NamedQuery


def limits(alerts: Iterable[Alert], signals: Iterable[Signal]) -> dict[str, float]:
    """Return the share of bad ones that each alert allows."""
    shares = {signal.record for signal in signals if signal.unit == "ratio"}
    found = {}
    for alert in alerts:
        if not alert.windows and alert.signal in shares:
            line = alert.line()
            found[alert.name] = round(1 - line, 12) if alert.compare in DOWNWARD else line
    return {name: limit for name, limit in found.items() if limit > 0}


def asked_shares(
    builder: QueryBuilder, at: float, limits: Mapping[str, float]
) -> tuple[AskedShare, ...]:
    """Ask for the shares whose alert has a limit, over the window that the builder has."""

    def ask(share: Share, label: str, expr: str) -> NamedQuery:
        name = f"Compared by {label}: {share.measure}"
        return NamedQuery(name, builder.build(f"topk(50, {expr.replace('LABEL', label)})"), at=at)

    return tuple(
        AskedShare(
            share,
            label,
            limits[share.alert],
            ask(share, label, share.bad),
            ask(share, label, share.others),
        )
        for share in SHARES
        for label in share.labels
        if share.alert in limits
    )


def from_shares(asked: Iterable[AskedShare], answers: Answers) -> Iterator[Impact]:
    """
    Yield every value of every label with its share, and that of all others together.

    No share is made of one count alone: nobody is found well because a query failed.
    """
    for one in asked:
        if answers[one.bad].answered and answers[one.others].answered:
            bad = _by(one.label, answers[one.bad])
            others = _by(one.label, answers[one.others])
            yield from _compared(one, bad, others)


def _compared(
    asked: AskedShare, bad: Mapping[str, float], others: Mapping[str, float]
) -> Iterator[Impact]:
    whole = {
        value: others.get(value, 0.0) + (bad.get(value, 0.0) if asked.share.apart else 0.0)
        for value in dict.fromkeys((*bad, *others))
    }
    all_bad, all_whole = sum(bad.values()), sum(whole.values())
    for value, count in whole.items():
        if count < _FEWEST:
            continue
        own = Counted(min(max(bad.get(value, 0.0), 0.0), count), count)
        rest = Counted(max(all_bad - own.bad, 0.0), all_whole - count)
        own_share = own.bad / own.whole
        rest_share = rest.bad / rest.whole if rest.whole > 0 else None
        yield Impact(
            label=asked.label,
            value=value,
            measure=asked.share.measure,
            unit="ratio",
            own=own_share,
            rest=rest_share,
            limit=asked.limit,
            times_limit=own_share / asked.limit,
            rest_times_limit=(rest_share or 0.0) / asked.limit,
            counted=own,
            clear=_is_clear(own, rest, asked.limit),
        )


def _is_clear(own: Counted, rest: Counted, limit: float) -> bool:
    """Whether chance does not explain that a share is higher than the rest's."""
    if own.bad < _FEWEST:
        return False
    if rest.whole <= 0:
        return own.bad / own.whole > limit
    pooled = (own.bad + rest.bad) / (own.whole + rest.whole)
    error = math.sqrt(max(pooled * (1 - pooled), 1e-12) * (1 / own.whole + 1 / rest.whole))
    return own.bad / own.whole - rest.bad / rest.whole > _ERRORS * error


def _by(label: str, answer: Answer) -> dict[str, float]:
    return {series.labels.get(label, ""): series.last for series in answer.series}
