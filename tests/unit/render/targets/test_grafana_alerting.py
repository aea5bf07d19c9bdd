"""Grafana's own alerting: its models take each rule, and a real Prometheus answers each query."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import alerting

from sse_observe.catalog.durations import seconds
from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.render.targets.grafana_alerting import annotation, uid
from tests.support.judgement import DEFAULT, END, RULES, STEP, undisturbed
from tests.support.rendered import BOARDS, CATALOG, FILES, default_target, refused, target
from tests.support.rule_kinds import GrafanaFile, GrafanaRule, PlainFile

ALERTS = [
    rule.alert.name + (f" {rule.window.long}/{rule.window.short}" if rule.window else "")
    for rule in RULES.alert_rules()
]
RECORDS = [signal.record for signal in CATALOG.signals]
"""The titles of all rules."""


@pytest.fixture(scope="module")
def files() -> Mapping[str, str]:
    """Return the files that default settings give."""
    return default_target("grafana-alerting")


@pytest.fixture(scope="module")
def provisioned(files: Mapping[str, str]) -> GrafanaFile:
    """Return what Grafana is to read of them."""
    return msgspec.yaml.decode(files["provisioning/sse-observe.yaml"], type=GrafanaFile)


@pytest.fixture(scope="module")
def rules(provisioned: GrafanaFile) -> dict[str, GrafanaRule]:
    """Return every rule by its title."""
    return {rule.title: rule for group in provisioned.groups for rule in group.rules}


def test_the_file_to_convert_is_the_plain_one(files: Mapping[str, str]) -> None:
    """Grafana's conversion API takes what Prometheus takes, group by group."""
    converted = msgspec.yaml.decode(files["sse-observe.yaml"], type=PlainFile)
    plain = msgspec.yaml.decode(default_target("mimir")["sse-observe.yaml"], type=PlainFile)

    assert converted == plain


def test_every_rule_is_provisioned_once(provisioned: GrafanaFile) -> None:
    """Titles and uids are unique, short, and the same with every rendering."""
    every = [rule for group in provisioned.groups for rule in group.rules]
    alerts = [rule for rule in every if rule.record is None]

    assert sorted(rule.title for rule in alerts) == sorted(ALERTS)
    assert sorted(rule.title for rule in every if rule.record is not None) == sorted(RECORDS)
    assert len({rule.uid for rule in every}) == len(every)
    assert all(re.fullmatch(r"[\w-]{1,40}", rule.uid) for rule in every)
    assert uid("SSEMessageLoss") in {rule.uid for rule in alerts}
    assert len({group.name for group in provisioned.groups}) == len(provisioned.groups)


@pytest.mark.parametrize("title", [*RECORDS, *ALERTS])
def test_grafanas_own_model_knows_every_key(rules: dict[str, GrafanaRule], title: str) -> None:
    """Read into the model of its API and written again, nothing is lost or changed."""
    given = as_api(rules[title])

    model = alerting.Rule.from_json(given)

    assert json.loads(json.dumps(model, cls=JSONEncoder)) == given


def as_api(rule: GrafanaRule) -> dict[str, Any]:
    """Return a provisioned rule as Grafana's HTTP API writes it."""
    found: dict[str, Any] = {
        "title": rule.title,
        "uid": rule.uid,
        "condition": rule.condition,
        "data": [{**msgspec.to_builtins(query), "queryType": ""} for query in rule.data],
        "for": rule.hold_for,
        "noDataState": rule.noDataState,
        "execErrState": rule.execErrState,
        "folderUID": "sse",
        "orgID": 1,
        "ruleGroup": "g",
    }
    if rule.record:
        record = msgspec.to_builtins(rule.record)
        found["record"] = {
            "from": record["from"],
            "metric": record["metric"],
            "target_datasource_uid": record["targetDatasourceUid"],
        }
    else:
        found |= {
            "annotations": rule.annotations,
            "labels": rule.labels,
            "missingSeriesEvalsToResolve": rule.missing_series_evals_to_resolve,
        }
    if rule.keepFiringFor:
        found["keep_firing_for"] = rule.keepFiringFor
    return found


@pytest.mark.parametrize("title", ALERTS)
def test_states_are_chosen_and_the_panel_exists(rules: dict[str, GrafanaRule], title: str) -> None:
    """Idle is no alert; where nothing can be asked, telemetry alone says so; the panel is there."""
    rule = rules[title]
    board = next(b for b in BOARDS.values() if b["uid"] == rule.dashboardUid)
    ids = {panel["id"]: panel for panel in _panels(board["panels"])}

    assert rule.noDataState == "OK"
    assert rule.execErrState == ("Error" if title == "SSETelemetryAbsent" else "KeepLast")
    alert = DEFAULT.alerts[title.partition(" ")[0]]
    expressions = " ".join(target["expr"] for target in ids[rule.panelId]["targets"])
    assert any(signal in expressions for signal in alert.signals())
    assert "$value " not in "".join(rule.annotations.values())


def _panels(panels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in panels:
        yield from (panel, *_panels(panel.get("panels", [])))


def test_templates_and_dollars_are_grafanas() -> None:
    """`$value` is a sentence there, and `${NAME}` an environment variable."""
    assert (
        annotation("{{ $value }} of {{ $labels.a }}") == "{{ $values.A.Value }} of {{ $labels.a }}"
    )
    assert annotation("costs ${HOME} and $5") == "costs $${HOME} and $5"


def test_settings_name_folder_data_source_and_receiver(tmp_path: Path) -> None:
    """Every query asks it, every record is written to it, every alert tells the receiver."""
    text = target(
        "grafana-alerting",
        tmp_path,
        "grafana_alerting: {datasource_uid: mimir-1, folder: Streams, contact_point: on-call}\n"
        "labels: {cost: $5}\n",
    )
    found = msgspec.yaml.decode(text["provisioning/sse-observe.yaml"], type=GrafanaFile)
    rules = [rule for group in found.groups for rule in group.rules]

    assert {group.folder for group in found.groups} == {"Streams"}
    assert {query.datasourceUid for rule in rules for query in rule.data} == {"mimir-1", "__expr__"}
    assert {rule.record.targetDatasourceUid for rule in rules if rule.record} == {"mimir-1"}
    receivers = [rule.notification_settings for rule in rules if not rule.record]
    assert all(settings == {"receiver": "on-call"} for settings in receivers)
    assert {rule.labels["cost"] for rule in rules if not rule.record} == {"$$5"}
    assert (
        yaml.safe_load(text["contact-point-example.yaml"])["contactPoints"][0]["name"] == "on-call"
    )
    assert "Datasource-UID=mimir-1" in text["README.md"]


def test_an_interval_that_grafana_cannot_keep_is_refused(tmp_path: Path) -> None:
    """Its scheduler ticks every ten seconds."""
    line = refused("grafana-alerting", tmp_path, "rule_interval: 15s\n")

    assert "rule_interval: 15s: Grafana evaluates every 10 s; write a multiple" in line


@pytest.mark.slow
def test_conditions_hold_exactly_where_the_alerts_fire(
    prometheus: Prometheus, rules: dict[str, GrafanaRule]
) -> None:
    """Each query asked of a real Prometheus, each condition taken as Grafana takes it."""
    world = undisturbed(prometheus)
    for title in ALERTS:
        rule = rules[title]
        query, *expressions = rule.data
        fired: dict[str, list[float]] = {}
        answer = world.history.ask(str(query.model["expr"]), END, step=STEP)
        for labels, values in answer.items():
            since = math.inf
            for at in (float(at) for at in range(0, END + 1, STEP)):
                since = (
                    min(since, at) if at in values and holds(values[at], expressions) else math.inf
                )
                if at - since >= seconds(rule.hold_for):
                    fired.setdefault(dict(labels).get("job", ""), []).append(at)
        name, _, pair = title.partition(" ")
        if not pair:
            assert fired == world.fired[name], title
        else:
            assert fired.keys() <= world.fired[name].keys()


def holds(value: float, expressions: list[Any]) -> bool:
    """Take a value through the expressions of a rule, as Grafana evaluates them."""
    any_value, threshold = (one.model for one in expressions)
    assert any_value["expression"] == "is_number($A) || is_nan($A) || is_inf($A)"
    (condition,) = threshold["conditions"]
    assert (any_value["refId"], threshold["expression"]) == ("B", "B")
    assert condition["evaluator"]["type"] == "gt"
    # Of NaN and Inf, too, it makes 1.
    number = float(isinstance(value, float))
    return number > condition["evaluator"]["params"][0]


def test_nothing_else_is_in_the_folder(files: Mapping[str, str]) -> None:
    """Grafana reads every file of the provisioning folder."""
    assert [name for name in files if name.startswith("provisioning/")] == [
        "provisioning/sse-observe.yaml"
    ]
    assert not any(name.startswith("grafana") for name in FILES)
