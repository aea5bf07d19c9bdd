"""The manifests say what the plain files say, in the shape that Kubernetes takes."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from inspect import signature
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from sse_observe import drain
from sse_observe.cli.app import app
from sse_observe.draining.stop import Stop
from sse_observe.render.bundle import bundle, render_to
from sse_observe.render.check import check
from sse_observe.render.settings import Provisioning
from sse_observe.render.target_settings import Drain
from tests.support.rendered import settings_file

PROBED = "probes: {prober: 'prober:9470', targets: [feed-eu]}\n"
PATCH = "kubernetes/patches/drain.yaml"


@pytest.fixture(scope="module")
def kinds() -> ModuleType:
    """Return the operator's kinds as models; they take seconds to be made."""
    return import_module("cloudcoil.models.prometheus_operator.v1")


@cache
def default_files() -> Mapping[str, str]:
    """Return the files of the default settings."""
    return bundle(None, targets=["kubernetes"]).files


@cache
def default_manifests() -> Mapping[str, dict[str, Any]]:
    """Return the manifests among them, by path."""
    return manifests(default_files())


def manifests(files: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the manifests among some files, by path."""
    return {
        path: msgspec.yaml.decode(text)
        for path, text in files.items()
        if re.fullmatch(r"kubernetes/[^/]+\.yaml", path)
    }


def rendered(folder: Path, settings: str) -> dict[str, dict[str, Any]]:
    """Return the manifests of a user's settings, by name."""
    found = manifests(bundle(settings_file(folder, settings), ["kubernetes"]).files)
    return {one["metadata"]["name"]: one for one in found.values()}


def test_rules_are_those_of_the_plain_files() -> None:
    """Whichever way a fleet loads them, the groups are equal."""
    rules = {
        manifest["metadata"]["name"]: manifest["spec"]
        for manifest in default_manifests().values()
        if manifest["kind"] == "PrometheusRule"
    }

    assert rules == {
        PurePosixPath(name).stem: yaml.safe_load(text)
        for name, text in default_files().items()
        if re.fullmatch(r"alerts/.*\.yaml", name)
    }
    assert len(rules) == 2


def test_boards_are_those_of_the_plain_files() -> None:
    """Each board is a ConfigMap of its own that Grafana's sidecar finds by its label."""
    boards = [m for m in default_manifests().values() if m["kind"] == "ConfigMap"]
    shown = {name: json.loads(text) for board in boards for name, text in board["data"].items()}

    assert {f"dashboards/{name}": board for name, board in shown.items()} == {
        name: json.loads(text)
        for name, text in default_files().items()
        if name.startswith("dashboards/")
    }
    assert len(boards) == 3
    for board in boards:
        assert board["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_manifest_is_one_that_a_cluster_accepts() -> None:
    """Names are DNS names, every value of data and labels a string, and it can be applied."""
    for path, manifest in default_manifests().items():
        assert set(manifest) in (
            {"apiVersion", "kind", "metadata", "spec"},
            {"apiVersion", "kind", "metadata", "data"},
        )
        name = manifest["metadata"]["name"]
        assert path == f"kubernetes/{name}.yaml"
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name)
        words = {
            **manifest["metadata"]["labels"],
            **manifest["metadata"].get("annotations", {}),
            **manifest.get("data", {}),
        }
        assert all(isinstance(word, str) for word in words.values())
        # `kubectl apply` keeps the manifest in an annotation of at most 256 KiB.
        assert len(json.dumps(manifest).encode()) < 262_144


def test_manifests_are_written_and_checked_when_asked_for(tmp_path: Path) -> None:
    """The option adds a folder, the check knows it, and a render without it takes it away."""
    runner = CliRunner()
    asked = ["render", "--out", str(tmp_path), "--target", "kubernetes"]

    assert runner.invoke(app, asked).exit_code == 0
    written = {
        path.relative_to(tmp_path).as_posix() for path in (tmp_path / "kubernetes").rglob("*.*")
    }
    assert written == {"kubernetes/README.md", PATCH, *default_manifests()}
    assert runner.invoke(app, [*asked, "--check"]).exit_code == 0
    (tmp_path / "kubernetes/sse-alerts.yaml").unlink()
    assert check(tmp_path, None, targets=["kubernetes"]).lines() == [
        "missing kubernetes/sse-alerts.yaml",
        f"1 file differs; run: sse-observe render --out {tmp_path} --target kubernetes",
    ]
    assert runner.invoke(app, asked[:-2]).exit_code == 0
    assert list((tmp_path / "kubernetes").rglob("*.*")) == []


def rule_labels(out: Path) -> dict[str, str]:
    text = (out / "kubernetes/sse-alerts.yaml").read_text()
    return yaml.safe_load(text)["metadata"]["labels"]


def test_metadata_of_every_object_is_the_users(tmp_path: Path) -> None:
    """The label by which an operator selects rules, and the namespace, are settings."""
    settings = settings_file(
        tmp_path,
        "kubernetes:\n  namespace: monitoring\n  labels: {release: stack}\n"
        "  annotations: {a.b/c: 'on'}\n",
    )
    found = rendered(tmp_path, settings.read_text())

    assert len(found) == len(default_manifests())
    for manifest in found.values():
        metadata = manifest["metadata"]
        assert metadata["namespace"] == "monitoring"
        assert metadata["labels"]["release"] == "stack"
        assert metadata["labels"]["app.kubernetes.io/part-of"] == "sse-observe"
        assert metadata["annotations"]["a.b/c"] == "on"


def test_a_label_that_was_added_by_hand_stays_and_is_named(tmp_path: Path) -> None:
    """The next rendering keeps it, CI is content, and one line says where it belongs."""
    render_to(tmp_path, None, ["kubernetes"])
    path = tmp_path / "kubernetes/sse-alerts.yaml"
    path.write_text(path.read_text().replace("  labels:\n", "  labels:\n    release: stack\n", 1))
    edited = path.read_text()

    compared = check(tmp_path, None, ["kubernetes"])
    assert compared.lines() == []
    assert any("keeps release" in warning for warning in compared.warnings)
    _, warnings, _ = render_to(tmp_path, None, ["kubernetes"])

    assert path.read_text() == edited
    (line,) = (warning for warning in warnings if "release" in warning)
    assert line == (
        "kubernetes/sse-alerts.yaml: keeps release, which somebody added by hand; "
        "write it under kubernetes.labels in sse-observe.yaml"
    )


def test_a_label_that_leaves_the_settings_goes(tmp_path: Path) -> None:
    """A label that was set and is set no longer is not taken for an addition by hand."""
    settings = settings_file(tmp_path, "kubernetes: {labels: {release: stack}}\n")
    render_to(tmp_path, settings, ["kubernetes"])
    assert rule_labels(tmp_path)["release"] == "stack"

    settings.write_text("kubernetes: {labels: {team: chat}}\n")
    _, warnings, _ = render_to(tmp_path, settings, ["kubernetes"])

    assert rule_labels(tmp_path) == {"app.kubernetes.io/part-of": "sse-observe", "team": "chat"}
    assert not any("kubernetes/" in warning for warning in warnings)


def test_a_label_that_moves_into_the_settings_is_there_once(tmp_path: Path) -> None:
    """Whoever follows the warning has the label once, with the value of the settings."""
    render_to(tmp_path, None, ["kubernetes"])
    path = tmp_path / "kubernetes/sse-alerts.yaml"
    path.write_text(path.read_text().replace("  labels:\n", "  labels:\n    release: old\n", 1))
    settings = settings_file(tmp_path, "kubernetes: {labels: {release: new}}\n")

    _, warnings, _ = render_to(tmp_path, settings, ["kubernetes"])

    assert path.read_text().count("release:") == 1
    assert rule_labels(tmp_path)["release"] == "new"
    assert not any("keeps" in warning for warning in warnings)


def test_a_prober_is_asked_by_the_operator(tmp_path: Path) -> None:
    """Its targets are a Probe, with the labels that the operator selects by."""
    probe = rendered(tmp_path, f"{PROBED}kubernetes: {{labels: {{release: k}}}}")["sse-probes"]

    assert "kubernetes/sse-probes.yaml" not in default_files()
    assert (probe["kind"], probe["metadata"]["labels"]["release"]) == ("Probe", "k")
    assert probe["spec"]["prober"] == {"url": "prober:9470", "path": "/probe"}
    assert probe["spec"]["targets"]["staticConfig"]["static"] == ["feed-eu"]


def test_a_service_is_scraped_as_often_as_the_rules_assume() -> None:
    """By the labels of its Service, with the job that the stack of the other target gives it."""
    monitor = default_manifests()["kubernetes/sse-monitor.yaml"]

    assert monitor["kind"] == "ServiceMonitor"
    assert monitor["spec"] == {
        "jobLabel": "app.kubernetes.io/name",
        "selector": {"matchLabels": {"app.kubernetes.io/name": Provisioning().job}},
        "endpoints": [{"port": "http", "path": "/metrics", "interval": "15s"}],
    }


def test_pods_are_scraped_without_a_service(tmp_path: Path) -> None:
    """In their own namespace, at the pace of the settings; the first label names the job."""
    monitor = rendered(
        tmp_path,
        "scrape_interval: 30s\nkubernetes: {monitor: pod, selector: {app: chat, tier: web},"
        " scraped_namespace: chat, port: metrics, metrics_path: /m}\n",
    )["sse-monitor"]

    assert monitor["kind"] == "PodMonitor"
    assert monitor["spec"] == {
        "jobLabel": "app",
        "namespaceSelector": {"matchNames": ["chat"]},
        "selector": {"matchLabels": {"app": "chat", "tier": "web"}},
        "podMetricsEndpoints": [{"port": "metrics", "path": "/m", "interval": "30s"}],
    }


def test_who_scrapes_already_gets_no_monitor(tmp_path: Path) -> None:
    """An empty selector would select everything."""
    files = bundle(settings_file(tmp_path, "kubernetes: {selector: {}}\n"), ["kubernetes"]).files

    assert "kubernetes/sse-monitor.yaml" not in files
    assert "Nothing is scraped" in files["kubernetes/README.md"]


def patched(folder: Path, settings: str = "{}") -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the patch says of a pod, and of its container."""
    text = bundle(settings_file(folder, settings), ["kubernetes"]).files[PATCH]
    pod: dict[str, Any] = yaml.safe_load(text)["spec"]["template"]["spec"]
    [container] = pod["containers"]
    return pod, container


def test_a_patch_fits_an_application_that_is_drained_by_default(tmp_path: Path) -> None:
    """Its readiness is asked, and nothing is given to it that drain() would have otherwise."""
    _, container = patched(tmp_path)
    usual = signature(drain).parameters

    assert container["readinessProbe"]["httpGet"]["path"] == usual["readiness"].default
    assert Drain().seconds == usual["seconds"].default
    assert f'seconds={Drain().seconds:g}, file="{Drain().file}"' in default_files()[PATCH]


def test_a_pod_has_time_for_all_that_it_waits_for(tmp_path: Path) -> None:
    """The grace period is counted from the beginning of preStop."""
    pod, container = patched(
        tmp_path,
        "drain: {seconds: 59.5, file: /run/stop, container: chat, port: web, readiness: /ok}\n",
    )
    command = container["lifecycle"]["preStop"]["exec"]["command"]

    assert command[-1] == "touch /run/stop; sleep 5; timeout 65 flock /run/stop true || true"
    # preStop, and 20 s for the last scrape.
    assert pod["terminationGracePeriodSeconds"] > 5 + 65 + 20
    assert container["name"] == "chat"
    assert container["readinessProbe"]["httpGet"] == {"path": "/ok", "port": "web"}


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("flock"), reason="flock is missing: util-linux")
def test_a_pod_stops_as_soon_as_its_last_stream_has_ended(tmp_path: Path) -> None:
    """It waits for whoever holds the lock, and for nobody where nothing was open."""
    file = tmp_path / "stop"
    _, container = patched(tmp_path, f"drain: {{seconds: 60, file: {file}}}\n")
    command = container["lifecycle"]["preStop"]["exec"]["command"]
    command[-1] = command[-1].replace("sleep 5", "sleep 1")
    stop = Stop(file)
    waiting = subprocess.Popen(command)
    while not stop.is_asked():
        time.sleep(0.01)
    stop.hold()
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(2)
    stop.let_go()

    assert waiting.wait(60) == 0


@pytest.mark.slow
def test_a_cluster_knows_every_key_of_the_patch() -> None:
    """Its own kinds take the patch, laid over a Deployment, and keep all of it."""
    apps = import_module("cloudcoil.models.kubernetes.apps.v1")
    spec = yaml.safe_load(default_files()[PATCH])["spec"]
    spec["selector"] = {"matchLabels": {"app": "chat"}}
    spec["template"]["metadata"] = {"labels": {"app": "chat"}}
    taken = apps.Deployment.model_validate(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "chat"}, "spec": spec}
    )

    assert taken.model_dump(by_alias=True, exclude_unset=True, mode="json")["spec"] == spec


@pytest.mark.slow
@pytest.mark.parametrize("monitor", ["service", "pod"])
def test_the_operator_knows_every_key(monitor: str, kinds: ModuleType, tmp_path: Path) -> None:
    """Its kinds take each object, and keep all that we wrote: a cluster drops what they do not."""
    objects = rendered(
        tmp_path,
        f"{PROBED}kubernetes: {{monitor: {monitor}, scraped_namespace: chat, namespace: m,"
        " annotations: {a.test/b: c}}\n",
    )
    ours = [one for one in objects.values() if one["apiVersion"] == "monitoring.coreos.com/v1"]

    assert len({one["kind"] for one in ours}) == 3
    for one in ours:
        taken = getattr(kinds, one["kind"]).model_validate(one)
        assert taken.model_dump(by_alias=True, exclude_unset=True, mode="json") == one


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec",
    [
        {"selector": {}, "endpoints": [{"port": "http", "interval": "15q"}]},
        {"endpoints": [{"port": "http"}]},
        {"selector": {}, "endpoints": [{"port": "http", "intervall": "15s"}]},
    ],
)
def test_the_operators_kinds_notice_a_slip(spec: dict[str, Any], kinds: ModuleType) -> None:
    """A wrong value and a missing key are refused, an unknown key is gone."""
    written = {"apiVersion": "monitoring.coreos.com/v1", "metadata": {"name": "a"}, "spec": spec}
    try:
        taken = kinds.ServiceMonitor.model_validate(written)
    except ValueError:
        return

    assert taken.model_dump(by_alias=True, exclude_unset=True, mode="json") != written
