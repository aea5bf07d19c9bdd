"""The manifests say what the plain files say, in the shape that Kubernetes takes."""

import json
import re
from pathlib import Path, PurePosixPath

import yaml
from typer.testing import CliRunner

from sse_observe.cli.app import app
from sse_observe.render.bundle import bundle
from sse_observe.render.check import check

FILES = bundle(None, targets=["kubernetes"]).files
MANIFESTS = {
    name: yaml.safe_load(text) for name, text in FILES.items() if name.startswith("kubernetes/")
}


def test_rules_are_those_of_the_plain_files() -> None:
    """Whichever way a fleet loads them, the groups are equal."""
    rules = {
        manifest["metadata"]["name"]: manifest["spec"]
        for manifest in MANIFESTS.values()
        if manifest["kind"] == "PrometheusRule"
    }

    assert rules == {
        PurePosixPath(name).stem: yaml.safe_load(text)
        for name, text in FILES.items()
        if re.fullmatch(r"alerts/.*\.yaml", name)
    }
    assert len(rules) == 2


def test_boards_are_those_of_the_plain_files() -> None:
    """Each board is a ConfigMap of its own that Grafana's sidecar finds by its label."""
    boards = [m for m in MANIFESTS.values() if m["kind"] == "ConfigMap"]
    shown = {name: json.loads(text) for board in boards for name, text in board["data"].items()}

    assert {f"dashboards/{name}": board for name, board in shown.items()} == {
        name: json.loads(text) for name, text in FILES.items() if name.startswith("dashboards/")
    }
    assert len(boards) == 3
    for board in boards:
        assert board["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_manifest_is_one_that_a_cluster_accepts() -> None:
    """Names are DNS names, every value of data and labels a string, and it can be applied."""
    for path, manifest in MANIFESTS.items():
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
    asked = ["render", "--out", str(tmp_path), "--kubernetes"]

    assert runner.invoke(app, asked).exit_code == 0
    assert {f"kubernetes/{path.name}" for path in (tmp_path / "kubernetes").iterdir()} == set(
        MANIFESTS
    )
    assert runner.invoke(app, [*asked, "--check"]).exit_code == 0
    (tmp_path / "kubernetes/sse-alerts.yaml").unlink()
    assert check(tmp_path, None, targets=["kubernetes"]).lines() == [
        "missing kubernetes/sse-alerts.yaml",
        f"1 file differs; run: sse-observe render --out {tmp_path} --kubernetes",
    ]
    assert runner.invoke(app, asked[:-1]).exit_code == 0
    assert list((tmp_path / "kubernetes").iterdir()) == []
