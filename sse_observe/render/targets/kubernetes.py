"""
The bundle as Kubernetes takes it: rules for the Prometheus Operator, what it scrapes, and boards
for Grafana's sidecar.

Wraps the default rendering and changes no word of it. A label that somebody added to a file by hand
stays there: without it an operator may drop every rule and say nothing.
"""

import json
import re
from collections.abc import Iterator, Mapping
from math import ceil
from pathlib import PurePosixPath

from sse_observe.render.banner import banner
from sse_observe.render.settings import FILE_NAME, Kubernetes
from sse_observe.render.target import Rendering, Target
from sse_observe.render.text import fill, quoted

FOLDER = "kubernetes"
PATCHES = f"{FOLDER}/patches"
"""Apart, since whoever applies the folder must not apply them: they are no objects."""
README = f"{FOLDER}/README.md"
_OWN = {"app.kubernetes.io/part-of": "sse-observe"}
_OF_BOARDS = {**_OWN, "grafana_dashboard": "1"}
_FOLDER_OF_BOARDS = {"grafana_folder": "SSE"}
_GIVEN = "  # kubernetes.labels"
"""Marks a label of the settings: one that is taken out of them again goes."""
# For new streams to find another pod: a probe each 5 s would notice within as much.
_NOTICE_SECONDS = 5
# For streams that are cut at the deadline to say their last words.
_LAST_WORDS_SECONDS = 5
# The server's own stop, and the 20 s that `metrics_server()` may wait for a scrape.
_STOP_SECONDS = 30
_LABELS = re.compile(r"^  labels:\n((?:    .*\n)+)", re.MULTILINE)
_LABEL = re.compile(r"    (?:\"(?P<quoted>[^\"]+)\"|(?P<plain>[^\s\"':]+)):")


def manifests(rendering: Rendering) -> dict[str, str]:
    """Return rules, boards, what is scraped, and how to load them, an object a file, by path."""
    found: dict[str, str] = {}
    for name, text in rendering.files.items():
        path = PurePosixPath(name)
        if name.startswith("alerts/") and path.suffix == ".yaml":
            target = f"{FOLDER}/{path.stem}.yaml"
            found[target] = _rule(text, _metadata(rendering, target, _OWN, {}))
        elif path.suffix == ".json":
            target = f"{FOLDER}/sse-{path.stem}.yaml"
            metadata = _metadata(rendering, target, _OF_BOARDS, _FOLDER_OF_BOARDS)
            found[target] = _board(path.name, text, metadata)
    scraped = {
        "monitor": (_monitor, rendering.settings.kubernetes.selector),
        "probes": (_probe, rendering.settings.probes.targets),
    }
    for name, (write, wanted) in scraped.items():
        if wanted:
            target = f"{FOLDER}/sse-{name}.yaml"
            found[target] = write(rendering, _metadata(rendering, target, _OWN, {}))
    found[f"{PATCHES}/drain.yaml"] = _drain(rendering)
    settings = rendering.settings
    found[README] = fill(f"{README}.j2", settings=settings, given=settings.kubernetes)
    return found


def warnings(rendering: Rendering) -> Iterator[str]:
    """Yield a line for each file with labels that no other folder would get."""
    for target in manifests(rendering):
        given = rendering.settings.kubernetes.labels
        added = [name for name in _added(_present(rendering, target)) if name not in given]
        if added:
            yield (
                f"{target}: keeps {', '.join(added)}, which somebody added by hand; "
                f"write it under kubernetes.labels in {FILE_NAME}"
            )


def _metadata(
    rendering: Rendering, path: str, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> str:
    given: Kubernetes = rendering.settings.kubernetes
    space = f"  namespace: {quoted(given.namespace)}\n" if given.namespace else ""
    ours = [*_lines(labels), *_lines(given.labels, _GIVEN)]
    notes = {**annotations, **given.annotations}
    return (
        f"metadata:\n  name: {PurePosixPath(path).stem}\n{space}"
        f"  labels:\n{''.join(_merged(ours, _present(rendering, path)))}"
        + (f"  annotations:\n{''.join(_lines(notes))}" if notes else "")
    )


def _lines(entries: Mapping[str, str], mark: str = "") -> Iterator[str]:
    for name, value in entries.items():
        yield f"    {name}: {quoted(value)}{mark}\n"


def _present(rendering: Rendering, path: str) -> list[str]:
    """Return the lines of labels that a file has already."""
    block = _LABELS.search(rendering.present(path))
    return block[1].splitlines(keepends=True) if block else []


def _added(present: list[str]) -> list[str]:
    """Return the names of labels that are from neither us nor the settings."""
    names = (_name(line) for line in present if _GIVEN not in line)
    return [name for name in names if name and name not in _OF_BOARDS]


def _merged(ours: list[str], present: list[str]) -> list[str]:
    """Return our lines of labels, with those that somebody added where they put them."""
    wanted = {_name(line): line for line in ours}
    added = set(_added(present)) - wanted.keys()
    if not added:
        return ours
    kept = (wanted.pop(_name(line), line if _name(line) in added else "") for line in present)
    return [*kept, *wanted.values()]


def _name(line: str) -> str:
    found = _LABEL.match(line)
    return (found["quoted"] or found["plain"]) if found else ""


def _rule(text: str, metadata: str) -> str:
    head, groups = text.split("\ngroups:\n")
    return (
        f"{head}\n"
        "# If your operator selects rules by label, write the label under kubernetes.labels in\n"
        f"# {FILE_NAME}, or it ignores them.\n"
        "apiVersion: monitoring.coreos.com/v1\n"
        "kind: PrometheusRule\n"
        f"{metadata}spec:\n  groups:\n{_indented(groups, 2)}"
    )


def _monitor(rendering: Rendering, metadata: str) -> str:
    """Return what Prometheus scrapes, as often as the rules assume."""
    given = rendering.settings.kubernetes
    kind, endpoints = {
        "service": ("ServiceMonitor", "endpoints"),
        "pod": ("PodMonitor", "podMetricsEndpoints"),
    }[given.monitor]
    space = (
        f"  namespaceSelector:\n    matchNames:\n      - {quoted(given.scraped_namespace)}\n"
        if given.scraped_namespace
        else ""
    )
    selected = "".join(f"      {name}: {quoted(value)}\n" for name, value in given.selector.items())
    return (
        f"# {banner(rendering.source)}\n"
        "apiVersion: monitoring.coreos.com/v1\n"
        f"kind: {kind}\n"
        f"{metadata}spec:\n"
        f"  jobLabel: {next(iter(given.selector))}\n"
        f"{space}"
        f"  selector:\n    matchLabels:\n{selected}"
        f"  {endpoints}:\n"
        f"    - port: {quoted(given.port)}\n"
        f"      path: {quoted(given.metrics_path)}\n"
        f"      interval: {rendering.settings.scrape_interval}\n"
    )


def _probe(rendering: Rendering, metadata: str) -> str:
    """Return the targets that Prometheus asks through the prober, at its own pace."""
    given = rendering.settings.probes
    targets = "".join(f"        - {quoted(target)}\n" for target in given.targets)
    return (
        f"# {banner(rendering.source)}\n"
        "apiVersion: monitoring.coreos.com/v1\n"
        "kind: Probe\n"
        f"{metadata}spec:\n"
        f"  jobName: {quoted(given.job)}\n"
        f"  prober:\n    url: {quoted(given.prober)}\n    path: /probe\n"
        f"  interval: {given.interval}\n"
        f"  scrapeTimeout: {given.timeout}\n"
        f"  targets:\n    staticConfig:\n      static:\n{targets}"
    )


def _drain(rendering: Rendering) -> str:
    """Return a patch for the service's own Deployment: readiness, preStop, grace period."""
    given = rendering.settings.drain
    wait = ceil(given.seconds) + _LAST_WORDS_SECONDS
    return fill(
        f"{FOLDER}/drain.yaml.j2",
        source=rendering.source,
        given=given,
        notice=_NOTICE_SECONDS,
        wait=wait,
        stop=_STOP_SECONDS,
        grace=_NOTICE_SECONDS + wait + _STOP_SECONDS,
    )


def _board(file: str, text: str, metadata: str) -> str:
    # On one line: `kubectl apply` keeps an escaped copy of at most 256 KiB in an annotation.
    compact = json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
    return (
        f"# {banner(f'dashboards/{file}')}\n"
        "apiVersion: v1\n"
        "kind: ConfigMap\n"
        f"{metadata}data:\n  {file}: |\n    {compact}\n"
    )


def _indented(text: str, width: int) -> str:
    margin = " " * width
    return "".join(f"{margin}{line}" if line.strip() else line for line in text.splitlines(True))


TARGET = Target(
    folders={FOLDER: ("*.yaml", "README.md"), PATCHES: ("*.yaml",)},
    render=manifests,
    warnings=warnings,
)
