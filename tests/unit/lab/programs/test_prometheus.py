"""A Prometheus: what its answers become, and what it is started with."""

import json
from pathlib import Path
from typing import Any

import pytest

from sse_observe.errors import LabError
from sse_observe.lab.programs import prometheus as module
from sse_observe.lab.programs.prometheus import (
    ActiveAlert,
    LoadedRule,
    Prometheus,
    PrometheusAPI,
    Sample,
)


def api(answer: Any, monkeypatch: pytest.MonkeyPatch) -> PrometheusAPI:
    """Return an API that gives this answer to everything."""
    monkeypatch.setattr(module, "ask", lambda *_, **__: answer)
    return PrometheusAPI("http://h:9090/")


def test_a_vector_is_samples_and_a_scalar_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks gets numbers, in whatever shape they were answered."""
    vector = {"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1, "2.5"]}]}
    scalar = {"resultType": "scalar", "result": [1, "7"]}

    assert api({"data": vector}, monkeypatch).query("x") == [Sample({"a": "b"}, 2.5)]
    assert api({"data": scalar}, monkeypatch).query("x") == [Sample({}, 7.0)]


def test_alerts_and_rules_are_read_into_their_own_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that has not run yet has no health and no error."""
    alert = {"labels": {"alertname": "A"}, "annotations": {}, "state": "firing", "value": "1e+00"}
    recording = {"name": "r", "type": "recording", "query": "up"}
    alerting = {
        "name": "A",
        "type": "alerting",
        "query": "x > 1",
        "health": "err",
        "lastError": "many-to-many",
        "duration": 300,
    }
    groups = [{"rules": [recording]}, {"rules": [alerting]}]

    (active,) = api({"data": {"alerts": [alert]}}, monkeypatch).alerts()
    rules = api({"data": {"groups": groups}}, monkeypatch).rules()

    assert active == ActiveAlert({"alertname": "A"}, "firing", {}, 1.0)
    assert active.name == "A"
    assert rules == [
        LoadedRule("r", "recording", "up"),
        LoadedRule("A", "alerting", "x > 1", "err", "many-to-many", 300),
    ]


def test_an_answer_of_something_else_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address leads to a program that is no Prometheus."""
    with pytest.raises(LabError, match="http://h:9090: rules: no answer of a Prometheus"):
        api({"status": "ok"}, monkeypatch).rules()


def test_its_configuration_names_targets_rules_and_alertmanager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scrapes may take as long as lies between two of them, and no longer."""
    monkeypatch.setattr(module.Program, "start", lambda self: self)
    rules = tmp_path / "rules.yaml"
    Prometheus(
        tmp_path / "p",
        targets={"chat": ["h:1", "h:2"]},
        rules=[rules],
        scrape_interval="500ms",
        alertmanager="h:9093",
        program="/bin/true",
    ).start()

    config = json.loads((tmp_path / "p/prometheus.yml").read_text())
    assert config["global"]["scrape_timeout"] == "500ms"
    assert config["rule_files"] == [str(rules)]
    (scrape,) = config["scrape_configs"]
    assert (scrape["job_name"], scrape["static_configs"]) == (
        "chat",
        [{"targets": ["h:1", "h:2"]}],
    )
    (manager,) = config["alerting"]["alertmanagers"]
    assert manager["static_configs"] == [{"targets": ["h:9093"]}]
