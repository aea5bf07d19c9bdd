"""
Rules and runbooks as text; the only module that knows jinja2.

Templates use `<< >>` and `<% %>`: Prometheus' own `{{ }}` passes through untouched.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sse_observe.catalog.durations import duration
from sse_observe.catalog.model import Alert, Catalog, Severity, Window
from sse_observe.errors import CatalogError
from sse_observe.render.banner import banner
from sse_observe.render.promql import PromQL, number
from sse_observe.render.settings import Settings

# What a person on call needs before thinking fits one screen.
_FIRST_LINES = 60
_QUERY = re.compile(r"^ *```promql$.*?^ *```$", re.MULTILINE | re.DOTALL)
_VARIABLES = ("job", "route")


@dataclass(frozen=True)
class Rule:
    """One alerting rule; a burn-rate alert has several."""

    alert: Alert
    expr: str
    threshold: str
    hold_for: str
    severity: Severity
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    window: Window | None = None


def fill(template: str, **values: Any) -> str:
    """Return a template's text, ended by one line feed; an unknown word is an error."""
    return _jinja().get_template(template).render(**values).rstrip("\n") + "\n"


@cache
def _jinja() -> Environment:
    jinja = Environment(
        loader=PackageLoader("sse_observe.render"),
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (YAML and Markdown; strings enter YAML through `quoted`)
    )
    jinja.filters["quoted"] = _quoted
    jinja.globals["banner"] = banner
    return jinja


class Text:
    """Renders everything that is text, from a catalogue that `tuning` has tuned."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._settings = settings
        self._promql = PromQL(settings)
        self._signals = {signal.record: signal for signal in catalog.signals}
        self._boards = {board.name: board for board in catalog.boards}

    def files(self) -> dict[str, str]:
        """Return each text file of the bundle by its path."""
        interval = duration(self._settings.rule_seconds)
        rules = [rule for alert in self._catalog.alerts for rule in self.rules(alert)]
        return {
            "alerts/sse-recording-rules.yaml": fill(
                "recordings.yaml.j2",
                groups=[
                    ("sse-recording-rules", interval, self._recordings(patient=False)),
                    (
                        "sse-recording-rules-patient",
                        duration(self._settings.patient_seconds),
                        self._recordings(patient=True),
                    ),
                ],
            ),
            "alerts/sse-alerts.yaml": fill("alerts.yaml.j2", interval=interval, rules=rules),
            "alerts/sse-alertmanager.yml": fill(
                "alertmanager.yml.j2",
                settings=self._settings,
                alerts={alert.name for alert in self._catalog.alerts},
            ),
            **self.runbooks(),
        }

    def runbooks(self) -> dict[str, str]:
        """Return the runbook of each alert, and their index, by path."""
        alerts = self._catalog.alerts
        found = {f"runbooks/{alert.name}.md": self._runbook(alert) for alert in alerts}
        index = fill("index.md.j2", alerts=alerts, severity=_severities)
        return {**found, "runbooks/README.md": index}

    def rules(self, alert: Alert) -> list[Rule]:
        """Return the alerting rules of one alert."""
        return [self._rule(alert, window) for window in alert.windows or (None,)]

    def _rule(self, alert: Alert, window: Window | None) -> Rule:
        spans = {"long": window.long, "short": window.short} if window else {}
        severity = window.severity if window else alert.severity
        return Rule(
            alert=alert,
            expr=self._promql.alert(alert, self._signals, window),
            threshold=number(alert.line(window)),
            hold_for=window.hold_for if window else alert.hold_for,
            severity=severity,
            labels={"severity": severity, **spans, **alert.labels},
            annotations={
                **alert.annotations,
                "summary": alert.summary,
                "description": alert.description,
                "runbook_url": self._settings.runbook(alert.name),
                "dashboard_url": self._dashboard(alert, prefilled=True),
            },
            window=window,
        )

    def _dashboard(self, alert: Alert, *, prefilled: bool) -> str:
        """Return the address of an alert's board, for the rule with its variables set."""
        address = f"{self._settings.grafana_url}/d/{self._boards[alert.dashboard].uid}"
        if not prefilled:
            return address
        own = self._signals[alert.signals()[0]].labels
        names = [*(label for label in own if label in _VARIABLES), *self._settings.group_by]
        values = "&".join(f"var-{name}={{{{ $labels.{name} | urlquery }}}}" for name in names)
        return f"{address}?{values}"

    def _recordings(self, *, patient: bool) -> Iterator[dict[str, str]]:
        for signal in self._catalog.signals:
            if signal.patient != patient:
                continue
            yield {
                "record": signal.record,
                "help": signal.help,
                "expr": self._promql.record(signal),
            }

    def _runbook(self, alert: Alert) -> str:
        rules = self.rules(alert)
        words = {
            "limit": lambda _: self._limit(alert),
            "fix": lambda name: self._catalog.fixes[name].strip(),
        }
        try:
            prose = self._promql.fill(alert.prose, words)
        except CatalogError as error:
            raise CatalogError(f"{alert.source}: {error}") from None
        board = self._boards[alert.dashboard]
        text = fill(
            "runbook.md.j2",
            alert=alert,
            rules=rules,
            board=board.title,
            dashboard_url=self._dashboard(alert, prefilled=False),
            prose=_QUERY.sub(lambda query: self._promql.select(query[0]), prose),
        )
        first = text.split("\n## Meaning\n")[0].count("\n")
        if first > _FIRST_LINES:
            raise CatalogError(
                f"{alert.source}: {first} lines before `## Meaning`; {_FIRST_LINES} are the most: "
                "move detail to Diagnosis or Root-cause fix"
            )
        return text

    def _limit(self, alert: Alert) -> str:
        """Say an alert's threshold as people do."""
        threshold = alert.line()
        if self._signals[alert.signals()[0]].unit == "percentunit":
            return f"{number(100 * threshold)} %"
        return number(threshold)


def _severities(alert: Alert) -> str:
    """Name an alert's severity; those of its windows where it has several."""
    found = dict.fromkeys(window.severity for window in alert.windows)
    return ", ".join(found) or alert.severity


def _quoted(value: str) -> str:
    """Write a string so that YAML reads it back as it is."""
    return json.dumps(value, ensure_ascii=not value.isprintable())
