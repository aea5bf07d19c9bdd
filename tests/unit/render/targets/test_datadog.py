"""Datadog's files: its own client models take every object, and know every key of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from datadog_api_client.configuration import Configuration
from datadog_api_client.model_utils import OpenApiModel, validate_and_convert_types
from datadog_api_client.v1.model.dashboard import Dashboard
from datadog_api_client.v1.model.monitor import Monitor
from datadog_api_client.v1.model.monitor_options import MonitorOptions
from datadog_api_client.v1.model.service_level_objective_request import (
    ServiceLevelObjectiveRequest,
)

from tests.support.rendered import CATALOG, default_target, refused, target

FILES = default_target("datadog")
JSONS = {name: json.loads(text) for name, text in FILES.items() if name.endswith(".json")}
MONITORS = {k.split("/")[1][:-5]: v for k, v in JSONS.items() if k.startswith("monitors/")}
KINDS = {
    "monitors": Monitor,
    "dashboards": Dashboard,
    "slo-completion.json": ServiceLevelObjectiveRequest,
}
TERRAFORM = JSONS["main.tf.json"]["resource"]


def model(kind: type, given: Any) -> Any:
    """Read an object into a model as the client does with what it sends."""
    return validate_and_convert_types(
        given, (kind,), ["given"], True, True, configuration=Configuration()
    )


def unknown(node: Any, path: str = "") -> Iterator[str]:
    """Yield each part of a model that its own types do not know."""
    if isinstance(node, OpenApiModel):
        if node._unparsed:
            yield f"{path}: unparsed"
        if "_composed_instances" in node.__dict__:
            for instance in node._composed_instances:
                yield from unknown(instance, path)
            return
        for name, value in node._data_store.items():
            if name not in node.attribute_map and name not in node.openapi_types:
                yield f"{path}.{name}: no such key"
            yield from unknown(value, f"{path}.{name}")
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from unknown(value, f"{path}[{place}]")


@pytest.mark.parametrize("name", [name for name in JSONS if name != "main.tf.json"])
def test_datadogs_own_model_takes_it(name: str) -> None:
    """Every key is one of the model's, every word of a list one of its words."""
    kind = KINDS[name.split("/", maxsplit=1)[0]]

    assert list(unknown(model(kind, JSONS[name]))) == []


def test_a_slip_would_be_found() -> None:
    """A wrong word, a wrong key, a wrong type: the check sees each."""
    good = MONITORS["SSEMessageLoss"]
    wrong_word = {**good, "type": "query alarm"}
    wrong_key = {**good, "options": {**good["options"], "requires_full_window": True}}

    assert list(unknown(model(Monitor, wrong_word)))
    assert list(unknown(model(Monitor, wrong_key)))
    with pytest.raises(Exception, match="priority"):
        model(Monitor, {**good, "priority": "high"})


@pytest.mark.parametrize("name", MONITORS)
def test_a_monitor_says_one_number_and_leads_to_its_runbook(name: str) -> None:
    """The number of the query is that of the thresholds, or Datadog refuses it."""
    monitor = MONITORS[name]
    alert = next(alert for alert in CATALOG.alerts if alert.name == name)

    assert float(monitor["query"].rsplit(" ", 1)[1]) == monitor["options"]["thresholds"]["critical"]
    assert f"/{name}.md" in monitor["message"]
    assert f"severity:{alert.severity}" in monitor["tags"]
    assert monitor["options"].keys() <= MonitorOptions.openapi_types.keys()


def test_the_four_that_every_stack_asks_for_are_there() -> None:
    """Completion, reconnect p95 over 5 s, loss, duplicates over 1 %."""
    queries = {name: one["query"] for name, one in MONITORS.items()}

    assert queries["SSECompletionRateLow"].startswith("sum(last_1h):sum:sse.streams_closed.count")
    assert queries["SSECompletionRateLow"].endswith("< 0.995")
    assert queries["SSEHighReconnectLatency"] == (
        "percentile(last_10m):p95:sse.reconnect_time_seconds{*} by {service,route} > 5"
    )
    assert queries["SSEMessageLoss"].endswith(".as_count() > 0")
    assert queries["SSEHighDuplicateRate"].endswith("> 0.01")


def test_what_is_left_out_is_named_with_its_reason() -> None:
    """Every alert is a monitor, or stands in the README; so does every panel."""
    readme = FILES["README.md"]
    alerts = {
        line[2:].partition(":")[0] for line in readme.splitlines() if line.startswith("- SSE")
    }
    titles = [panel.title for board in CATALOG.boards for row in board.rows for panel in row.panels]
    shown = set(_titles([JSONS[name] for name in JSONS if name.startswith("dashboards/")]))

    assert {alert.name for alert in CATALOG.alerts} <= MONITORS.keys() | alerts
    for title in titles:
        drawn = title in shown or any(name.startswith(f"{title}: ") for name in shown)
        assert drawn or f", {title}: " in readme, title


def _titles(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("title"), str):
            yield node["title"]
        for value in node.values():
            yield from _titles(value)
    elif isinstance(node, list):
        for value in node:
            yield from _titles(value)


def test_terraform_reads_the_same_files() -> None:
    """Each resource is read from a file that stands there; burn rates name the SLO by its id."""
    read = [
        text.split("/", 1)[1].removesuffix('")}')
        for kind in ("datadog_monitor_json", "datadog_dashboard_json")
        for resource in TERRAFORM[kind].values()
        for text in resource.values()
    ]

    assert {*read} == {name for name in JSONS if "/" in name}
    assert TERRAFORM["datadog_service_level_objective"]["completion"]["query"]
    burns = TERRAFORM["datadog_monitor"]
    assert {one["type"] for one in burns.values()} == {"slo alert"}
    assert all(
        "datadog_service_level_objective.completion.id" in b["query"] for b in burns.values()
    )
    assert {one["monitor_thresholds"]["critical"] for one in burns.values()} == {"14.4", "6", "3"}


def test_settings_that_datadog_cannot_hold_are_refused(tmp_path: Path) -> None:
    """It keeps SLOs over three windows; a share between its quantiles is left out by name."""
    line = refused("datadog", tmp_path, "objectives: {window: 14d}\n")
    odd = target("datadog", tmp_path, "alerts: {SSEHighReconnectLatency: {threshold: 0.03}}\n")

    assert "objectives.window: 14d: Datadog keeps SLOs over 7d, 30d, 90d" in line
    assert "monitors/SSEHighReconnectLatency.json" not in odd
    assert "SSEHighReconnectLatency: Datadog keeps quantiles for the shares" in odd["README.md"]


def test_every_scrape_interval_renders(tmp_path: Path) -> None:
    """Stretched windows are windows of monitors too."""
    minute = target("datadog", tmp_path, "scrape_interval: 60s\n")

    assert minute.keys() == FILES.keys()
    assert "min_collection_interval: 60" in minute["conf.d/openmetrics.d/conf.yaml"]


def test_endpoint_service_and_receiver_are_settings(tmp_path: Path) -> None:
    """They stand where the Agent and the monitors need them."""
    files = target(
        "datadog",
        tmp_path,
        "datadog: {endpoint: 'http://pod:9000/m', service: voice, notify: '@pagerduty-sse'}\n",
    )
    (instance,) = yaml.safe_load(files["conf.d/openmetrics.d/conf.yaml"])["instances"]

    assert instance["openmetrics_endpoint"] == "http://pod:9000/m"
    assert instance["tags"] == ["service:voice"]
    assert "@pagerduty-sse" in files["monitors/SSEMessageLoss.json"]
