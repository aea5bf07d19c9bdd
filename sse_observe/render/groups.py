"""
Groups of rules: what a ruler evaluates, how often, and with which words.

Knows no format; each target writes the groups as its ruler takes them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from sse_observe.catalog.durations import duration
from sse_observe.catalog.model import Alert, Catalog, Window
from sse_observe.catalog.placement import MOST_RULES, Placement
from sse_observe.render.expressions import Expressions, number
from sse_observe.render.settings import Settings

_VARIABLES = ("job", "route")
_JOB = "{{ $labels.job }}"
# What a board shows where nobody chose anything.
_BOARD_RANGE = "3h"


class RecordingRule(NamedTuple):
    """One recorded series."""

    record: str
    expr: str
    help: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One alerting rule; a burn-rate alert has one for each pair of windows."""

    alert: Alert
    expr: str
    threshold: str
    hold_for: str
    severity: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    window: Window | None = None


Rule = TypeVar("Rule", RecordingRule, AlertRule)


class Group(NamedTuple, Generic[Rule]):
    """Rules that are evaluated together, in order."""

    name: str
    interval: str
    rules: tuple[Rule, ...]


class Rules:
    """The rules of a catalogue that `tuning` has tuned."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._settings = settings
        self._expressions = Expressions(settings)
        self._signals = {signal.record: signal for signal in catalog.signals}
        self._boards = {board.name: board for board in catalog.boards}
        self._placement = Placement(catalog.signals)

    def recordings(self) -> tuple[Group[RecordingRule], ...]:
        """Return the groups of signals, each in its order of evaluation."""
        marks = self._settings.selection.marks
        return tuple(
            Group(
                group.name,
                duration(self._settings.intervals.of(group.interval)),
                tuple(
                    RecordingRule(
                        signal.record,
                        self._expressions.record(signal),
                        self._expressions.fill(signal.help),
                        marks,
                    )
                    for signal in group.signals
                ),
            )
            for group in self._placement.groups
        )

    def alerts(self) -> tuple[Group[AlertRule], ...]:
        """Return the groups of alerts: those of a dashboard, in as many as a ruler wants."""
        filled: dict[tuple[str, int], list[AlertRule]] = {}
        for alert in self._catalog.alerts:
            rules = self.of(alert)
            number = 1
            # The windows of an alert stay together.
            while len(filled.get((alert.dashboard, number), ())) + len(rules) > MOST_RULES:
                number += 1
            filled.setdefault((alert.dashboard, number), []).extend(rules)
        interval = duration(self._settings.rule_seconds)
        return tuple(
            Group(f"sse-alerts-{board}" + (f"-{n}" if n > 1 else ""), interval, tuple(rules))
            for (board, n), rules in sorted(filled.items())
        )

    def alert_rules(self) -> list[AlertRule]:
        """Return every alerting rule, in the order of the catalogue."""
        return [rule for alert in self._catalog.alerts for rule in self.of(alert)]

    def of(self, alert: Alert) -> list[AlertRule]:
        """Return the alerting rules of one alert."""
        return [self._rule(alert, window) for window in alert.windows or (None,)]

    def _rule(self, alert: Alert, window: Window | None) -> AlertRule:
        spans = {"long": window.long, "short": window.short} if window else {}
        severity = self._settings.severities.label(window.severity if window else alert.severity)
        return AlertRule(
            alert=alert,
            expr=self._expressions.select(self._expressions.alert(alert, self._signals, window)),
            threshold=number(alert.line(window)),
            hold_for=window.hold_for if window else alert.hold_for,
            severity=severity,
            labels={"severity": severity, **spans, **alert.labels},
            annotations={
                "summary": alert.summary,
                "description": self._description(alert, window),
                "runbook_url": self._settings.runbook(alert.name),
                "dashboard_url": self._dashboard_of(alert, window),
                # The user's own words go before ours.
                **alert.annotations,
            },
            window=window,
        )

    def _description(self, alert: Alert, window: Window | None) -> str:
        """Fill in what Prometheus cannot: its templates know no label that the rule itself adds."""
        spans = {"long": window.long, "short": window.short} if window else {}
        words = {name: (lambda _, span=span: span) for name, span in spans.items()}
        return self._expressions.fill(self._placed(alert.description), words)

    def _placed(self, text: str) -> str:
        """Name the user's own labels beside the job: two clusters are two incidents."""
        missing = [name for name in self._settings.group_by if f"$labels.{name} " not in text]
        places = "".join(f", {name} {{{{ $labels.{name} }}}}" for name in missing)
        if _JOB in text:
            return text.replace(_JOB, _JOB + places, 1)
        return f"{text} ({places.removeprefix(', ')})" if places else text

    def _dashboard_of(self, alert: Alert, window: Window | None) -> str:
        """Return the address of an alert's board, with its variables and a time range set."""
        address = self._settings.dashboard(self._boards[alert.dashboard].uid)
        own = self._signals[alert.signals()[0]].labels
        names = [*(label for label in own if label in _VARIABLES), *self._settings.group_by]
        values = "&".join(f"var-{name}={{{{ $labels.{name} | urlquery }}}}" for name in names)
        return f"{address}?{values}&from=now-{self._looked_at(window)}&to=now"

    def _looked_at(self, window: Window | None) -> str:
        """Return how far back a reader looks: as far as the boards do, or the window and before."""
        spans = (_BOARD_RANGE, window.long, window.long) if window else (_BOARD_RANGE,)
        first, *twice = map(self._expressions.seconds, spans)
        length = max(first, sum(twice))
        # Grafana reads one unit: no 1h30m.
        text = duration(length)
        return text if re.fullmatch(r"\d+[a-z]+", text) else f"{length / 60:.0f}m"
