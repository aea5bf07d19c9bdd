"""
The bundle as Kubernetes takes it: rules for the Prometheus Operator, boards for Grafana's sidecar.

Wraps the default rendering and changes no word of it.
"""

import json
from pathlib import PurePosixPath

from sse_observe.render.banner import banner
from sse_observe.render.target import Rendering, Target

FOLDER = "kubernetes"


def manifests(rendering: Rendering) -> dict[str, str]:
    """Return a PrometheusRule for each file of rules and a ConfigMap for each board, by path."""
    found: dict[str, str] = {}
    for name, text in rendering.files.items():
        path = PurePosixPath(name)
        if name.startswith("alerts/") and path.suffix == ".yaml":
            found[f"{FOLDER}/{path.stem}.yaml"] = _rule(path.stem, text)
        elif path.suffix == ".json":
            found[f"{FOLDER}/sse-{path.stem}.yaml"] = _board(path.name, f"sse-{path.stem}", text)
    return found


def _rule(name: str, text: str) -> str:
    head, groups = text.split("\ngroups:\n")
    return (
        f"{head}\n"
        "# If your operator selects rules by label, add the label here, or it ignores them.\n"
        "apiVersion: monitoring.coreos.com/v1\n"
        "kind: PrometheusRule\n"
        f"metadata:\n  name: {name}\n  labels:\n    app.kubernetes.io/part-of: sse-observe\n"
        f"spec:\n  groups:\n{_indented(groups, 2)}"
    )


def _board(file: str, name: str, text: str) -> str:
    # On one line: `kubectl apply` keeps an escaped copy of at most 256 KiB in an annotation.
    compact = json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
    return (
        f"# {banner(f'dashboards/{file}')}\n"
        "apiVersion: v1\n"
        "kind: ConfigMap\n"
        f"metadata:\n  name: {name}\n  labels:\n    app.kubernetes.io/part-of: sse-observe\n"
        '    grafana_dashboard: "1"\n  annotations:\n    grafana_folder: "SSE"\n'
        f"data:\n  {file}: |\n    {compact}\n"
    )


def _indented(text: str, width: int) -> str:
    margin = " " * width
    return "".join(f"{margin}{line}" if line.strip() else line for line in text.splitlines(True))


TARGET = Target(folders={FOLDER: ("*.yaml",)}, render=manifests)
