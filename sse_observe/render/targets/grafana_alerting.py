"""
The bundle as Grafana's own alerting takes it: a file for its conversion API, and provisioning.

Converted rules keep the order of a group. Provisioned ones are evaluated beside each other, so that
each reads records of an interval ago; the proofs of the catalogue cover that.
"""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256

from sse_observe.catalog.durations import seconds
from sse_observe.catalog.model import Alert, Board, Catalog
from sse_observe.catalog.series import series_in
from sse_observe.errors import SettingsError
from sse_observe.render.grafana.boards import panel_id
from sse_observe.render.groups import AlertRule, RecordingRule, Rules
from sse_observe.render.limits import limits_of
from sse_observe.render.rule_document import rule_groups, yaml_text
from sse_observe.render.target import Rendering, Target
from sse_observe.render.target_settings import GrafanaAlerting
from sse_observe.render.text import fill

FOLDER = "grafana-alerting"
FILES = (
    "sse-observe.yaml",
    "provisioning/sse-observe.yaml",
    "contact-point-example.yaml",
    "README.md",
)
# Grafana's scheduler: an interval is a multiple of it.
_TICK = 10
# How far back a query may look for its last sample, as Prometheus does.
_LOOKBACK = 600
_EXPRESSION = "__expr__"
_VALUE = re.compile(r"\$value\b")

JSON = dict[str, object]


def files(rendering: Rendering) -> dict[str, str]:
    """
    Return the file to convert, what to provision, an example of a contact point, and a README.

    SettingsError where Grafana could not keep an interval.
    """
    groups = rule_groups(rendering)
    for group in groups:
        if seconds(group.interval) % _TICK:
            raise SettingsError(
                f"{rendering.source}: rule_interval: {group.interval}: Grafana evaluates every "
                f"{_TICK} s; write a multiple, such as 30s"
            )
    given = rendering.settings.grafana_alerting
    provisioned = {"apiVersion": 1, "groups": list(_groups(rendering))}
    return {
        f"{FOLDER}/sse-observe.yaml": yaml_text({"groups": groups}),
        f"{FOLDER}/provisioning/sse-observe.yaml": yaml_text(provisioned),
        f"{FOLDER}/contact-point-example.yaml": fill(
            "grafana_alerting/contact-point-example.yaml.j2", name=given.contact_point or "sse"
        ),
        f"{FOLDER}/README.md": fill(
            "grafana_alerting/README.md.j2", settings=rendering.settings, given=given
        ),
    }


def _groups(rendering: Rendering) -> Iterator[JSON]:
    rules = Rules(rendering.catalog, rendering.settings)
    given = rendering.settings.grafana_alerting
    for recorded in rules.recordings():
        written = [_recording(rule, given) for rule in recorded.rules]
        yield _group(recorded.name, recorded.interval, written, given)
    for alerts in rules.alerts():
        written = [_alert(rule, rendering.catalog, given) for rule in alerts.rules]
        yield _group(alerts.name, alerts.interval, written, given)


def _group(name: str, interval: str, rules: list[JSON], given: GrafanaAlerting) -> JSON:
    return {"orgId": 1, "name": name, "folder": given.folder, "interval": interval, "rules": rules}


def _recording(rule: RecordingRule, given: GrafanaAlerting) -> JSON:
    return {
        "uid": uid(rule.record),
        "title": rule.record,
        "data": [_query(rule.expr, given)],
        "record": {
            "metric": rule.record,
            "from": "A",
            "targetDatasourceUid": given.datasource_uid,
        },
    }


def _alert(rule: AlertRule, catalog: Catalog, given: GrafanaAlerting) -> JSON:
    alert = rule.alert
    pair = f" {rule.window.long}/{rule.window.short}" if rule.window else ""
    board = next(board for board in catalog.boards if board.name == alert.dashboard)
    # Telemetry that cannot be asked for is the one thing that must not pass in silence.
    blind = "telemetry" in alert.signal
    written: JSON = {
        "uid": uid(alert.name + pair),
        "title": alert.name + pair,
        "condition": "C",
        "data": [_query(rule.expr, given), _ANY, _TRUE],
        "dashboardUid": board.uid,
        "panelId": panel_of(alert, board),
        # No series: the expression holds for nobody. Idle is not an alert.
        "noDataState": "OK",
        "execErrState": "Error" if blind else "KeepLast",
        "for": rule.hold_for,
        "missing_series_evals_to_resolve": 1,
        "annotations": {name: annotation(text) for name, text in rule.annotations.items()},
        # Grafana puts environment variables in place of $NAME in labels.
        "labels": {name: text.replace("$", "$$") for name, text in rule.labels.items()},
    }
    if alert.keep_firing_for:
        written["keepFiringFor"] = alert.keep_firing_for
    if given.contact_point:
        written["notification_settings"] = {"receiver": given.contact_point}
    return written


def uid(name: str) -> str:
    """Return the same short uid for a name every time: another uid is another rule."""
    return f"sse-{sha256(name.encode()).hexdigest()[:20]}"


def annotation(text: str) -> str:
    """Return Prometheus' template in Grafana's words: there `$value` is a sentence."""
    # Of the dollars only ${NAME} means an environment variable here.
    return _VALUE.sub("$values.A.Value", text).replace("${", "$${")


def panel_of(alert: Alert, board: Board) -> int:
    """Return the panel on which Grafana draws the state: that with the alert's line, if any."""
    panels = [panel for row in board.rows for panel in row.panels]
    drawn = [panel for panel in panels if limits_of(panel, [alert])]
    watched = {*alert.signals()}
    reading = [
        panel
        for panel in panels
        if any(watched & {*series_in(query.expr)} for query in panel.queries)
    ]
    return panel_id(board.name, [*drawn, *reading][0].title)


def _query(expr: str, given: GrafanaAlerting) -> JSON:
    source = {"type": "prometheus", "uid": given.datasource_uid}
    return {
        "refId": "A",
        "relativeTimeRange": {"from": _LOOKBACK, "to": 0},
        "datasourceUid": given.datasource_uid,
        "model": {
            "refId": "A",
            "datasource": source,
            "expr": expr,
            "instant": True,
            "range": False,
            "intervalMs": 1000,
            "maxDataPoints": 43200,
        },
    }


def _expression(ref: str, kind: str, of: str, **more: object) -> JSON:
    model: Mapping[str, object] = {
        "refId": ref,
        "datasource": {"type": _EXPRESSION, "uid": _EXPRESSION},
        "type": kind,
        "expression": of,
        **more,
    }
    return {
        "refId": ref,
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": _EXPRESSION,
        "model": dict(model),
    }


# The expression compares by itself: whatever it returns, whichever its value, holds.
_ANY = _expression("B", "math", "is_number($A) || is_nan($A) || is_inf($A)")
_TRUE = _expression(
    "C", "threshold", "B", conditions=[{"evaluator": {"type": "gt", "params": [0]}}]
)

TARGET = Target(folders={FOLDER: FILES}, render=files)
