"""Settings that work, and those among them that deserve a second look."""

from functools import cache
from pathlib import Path

import msgspec
import pytest

from sse_observe.render.bundle import bundle
from sse_observe.render.settings import (
    OBJECTIVES,
    AlertSettings,
    Kubernetes,
    Objectives,
    Probes,
    Provisioning,
    Settings,
)
from sse_observe.render.settings_file import load_settings
from sse_observe.render.severities import Severities
from sse_observe.render.target_settings import (
    Datadog,
    Drain,
    GrafanaAlerting,
    Mimir,
    Thanos,
    VictoriaMetrics,
)
from tests.support.paths import ROOT
from tests.support.rendered import settings_file

ALERT = "SSEHighReconnectLatency"
EFFECTS = {
    Settings: {
        "target": "mimir",
        "scrape_interval": "10s",
        "retention": "40d",
        "rule_interval": "1m",
        "selector": "'env=\"x\"'",
        "group_by": "[cluster]",
        "runbook_url": "https://wiki.test/{alert}",
        "grafana_url": "https://grafana.test",
        "labels": "{team: chat}",
        "annotations": "{team: chat}",
        "extra_alerts": "pages",
        "time_scale": "1.5",
    },
    Objectives: {
        "goodput": "0.96",
        "window": "14d",
        "completion": "0.99",
        "first_event": "0.9",
        "resume": "0.9",
    },
    AlertSettings: {
        "enabled": "false",
        "threshold": "0.2",
        "for": "20m",
        "keep_firing_for": "1h",
        "severity": "info",
        "and": "{'route:sse_reconnects:increase10m': 50}",
        "labels": "{team: edge}",
        "annotations": "{summary: Slow}",
    },
    Severities: {"critical": "page", "warning": "ticket", "info": "note"},
    Kubernetes: {
        "namespace": "monitoring",
        "labels": "{release: stack}",
        "annotations": "{a.test/b: c}",
        "monitor": "pod",
        "selector": "{app: chat}",
        "scraped_namespace": "chat",
        "port": "metrics",
        "metrics_path": "/m",
    },
    Provisioning: {
        "job": "chat",
        "targets": "['h:1']",
        "metrics_path": "/m",
        "scheme": "https",
        "labels": "{env: x}",
        "trace_url": "'https://t.test/{trace_id}'",
        "redis": "true",
    },
    Probes: {
        "prober": "'prober:9470'",
        "job": "probes",
        "targets": "[feed-eu, feed-us]",
        "interval": "1m",
        "timeout": "20s",
    },
    Drain: {
        "container": "chat",
        "port": "web",
        "seconds": "60",
        "file": "/run/stop",
        "readiness": "/healthy",
    },
    Mimir: {
        "address": "https://m.test",
        "tenant": "a",
        "rules_per_group": "25",
        "groups": "80",
    },
    Thanos: {"partial_response": "warn"},
    VictoriaMetrics: {"keep_firing_for": "false"},
    GrafanaAlerting: {"datasource_uid": "m", "folder": "Streams", "contact_point": "on-call"},
    Datadog: {"endpoint": "http://p:1/m", "service": "voice", "notify": "'@pagerduty'"},
}
"""A value for each key that the file may hold, by the part that it stands in."""
PARTS = {
    Settings: "",
    Objectives: "objectives: ",
    AlertSettings: f"alerts: {{{ALERT}: ",
    Severities: "severities: ",
    Kubernetes: "kubernetes: ",
    Provisioning: "provisioning: ",
    Probes: "probes: ",
    Drain: "drain: ",
    Mimir: "mimir: ",
    Thanos: "thanos: ",
    VictoriaMetrics: "victoriametrics: ",
    GrafanaAlerting: "grafana_alerting: ",
    Datadog: "datadog: ",
}
KEYS = [
    pytest.param(part, key, id=f"{PARTS[part]}{key}") for part in EFFECTS for key in EFFECTS[part]
]
# Without a prober nobody is asked, so what is said of it has no effect.
BESIDE = {"prober": "'p:1'", "targets": "[feed-eu]"}
ASKED = {part: [words.split(":")[0].replace("_", "-")] for part, words in PARTS.items() if words}
ASKED |= {AlertSettings: [], Objectives: [], Severities: [], Probes: ["provisioning"]}
ASKED |= {Drain: ["kubernetes"]}


@cache
def default(*targets: str) -> dict[str, str]:
    return bundle(None, targets).files


def test_every_key_is_turned_once() -> None:
    """A key that is added to the settings gets its line above."""
    parts = {words.partition(":")[0] for words in PARTS.values()}
    for part, values in EFFECTS.items():
        keys = {field.encode_name for field in msgspec.structs.fields(part)} - parts
        # Its own test: only the burn-rate alert has windows.
        assert values.keys() == keys - {"windows"}


@pytest.mark.parametrize(("part", "key"), KEYS)
def test_a_key_that_is_accepted_has_an_effect(part: type, key: str, tmp_path: Path) -> None:
    """Nobody sets something that changes nothing."""
    (tmp_path / "pages").mkdir()
    page = (ROOT / f"sse_observe/catalog/alerts/{ALERT}.md").read_text()
    (tmp_path / "pages/SSEOfOurOwn.md").write_text(page)
    entry = f"{key}: {EFFECTS[part][key]}"
    closing = {Settings: "", AlertSettings: "}}"}.get(part, "}")
    text = f"{PARTS[part]}{'{' if closing else ''}{entry}{closing}\n"

    asked = ["provisioning"] if key == "retention" else ASKED.get(part, [])
    usual = default(*asked)
    if part is Probes:
        others = ", ".join(f"{name}: {value}" for name, value in BESIDE.items() if name != key)
        text = f"probes: {{{entry}, {others}}}\n"
        beside = ", ".join(f"{name}: {value}" for name, value in BESIDE.items())
        usual = bundle(settings_file(tmp_path, f"probes: {{{beside}}}\n"), asked).files
    changed = bundle(settings_file(tmp_path, text), asked).files

    assert changed != usual


def test_a_runbook_may_stand_in_a_wiki() -> None:
    """A pattern says where the name goes; without one it ends the address, with `.md`."""
    wiki = Settings(runbook_url="https://wiki.test/SSE/{alert}?lang=en")

    assert wiki.runbook("SSEX") == "https://wiki.test/SSE/SSEX?lang=en"
    assert Settings(runbook_url="https://r.test").runbook("SSEX") == "https://r.test/SSEX.md"


def test_warnings_speak_of_placeholders_and_retention(tmp_path: Path) -> None:
    """A link that leads nowhere and a budget that outlasts its data are warned of, until set."""
    assert len(Settings().warnings()) == 2
    path = settings_file(
        tmp_path,
        "runbook_url: https://r.test\ngrafana_url: https://g.test\nobjectives: {window: 14d}\n",
    )

    assert load_settings(path).warnings() == []


def test_slow_signals_have_half_the_look_back_of_a_rate() -> None:
    """Nothing falls between two evaluations, and rules that are slow anyway stay as they are."""
    assert Settings().intervals == (30, 150)
    assert Settings(time_scale=60).intervals == (0.5, 2.5)
    assert Settings(rule_interval="5m").intervals == (300, 300)


def test_objective_is_found_by_its_name() -> None:
    """Each ratio can be named in a page; the window beside them is none."""
    assert OBJECTIVES == ("completion", "goodput", "first_event", "resume")
    assert Settings().objectives.ratio("first_event") == 0.95
    with pytest.raises(KeyError):
        Settings().objectives.ratio("window")
