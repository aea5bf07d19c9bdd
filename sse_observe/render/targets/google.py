"""
The bundle as Google Cloud Managed Service for Prometheus takes it: Rules or ClusterRules.

Its rules know no `keep_firing_for`: it is left out, and the README says so.
"""

from collections.abc import Iterator

import msgspec

from sse_observe.render.rule_document import RuleGroup, rule_groups, yaml_text
from sse_observe.render.target import Rendering, Target
from sse_observe.render.text import fill

FOLDER = "google"
# In folders of their own: who applies both evaluates everything twice.
KINDS = {"namespace/sse-rules.yaml": "Rules", "cluster/sse-cluster-rules.yaml": "ClusterRules"}


def manifests(rendering: Rendering) -> dict[str, str]:
    """Return one manifest for a namespace, one for a cluster, and how to load them, by path."""
    groups = [_group(group) for group in rule_groups(rendering)]
    kept = _kept(rendering)
    found = {
        f"{FOLDER}/{file}": yaml_text(
            {
                "apiVersion": "monitoring.googleapis.com/v1",
                "kind": kind,
                "metadata": {"name": "sse-observe"},
                "spec": {"groups": groups},
            },
        )
        for file, kind in KINDS.items()
    }
    return {
        **found,
        f"{FOLDER}/README.md": fill(
            f"{FOLDER}/README.md.j2", settings=rendering.settings, kept=kept
        ),
    }


def warnings(rendering: Rendering) -> Iterator[str]:
    """Yield that alerts are held on by nothing there."""
    if kept := _kept(rendering):
        yield (
            f"google: keep_firing_for is left out of {kept} alerts, which may resolve and fire "
            "again where others would not"
        )


def _kept(rendering: Rendering) -> int:
    return sum(alert.keep_firing_for is not None for alert in rendering.catalog.alerts)


def _group(group: RuleGroup) -> RuleGroup:
    return msgspec.structs.replace(
        group,
        rules=tuple(msgspec.structs.replace(rule, keep_firing_for="") for rule in group.rules),
    )


TARGET = Target(folders={FOLDER: (*KINDS, "README.md")}, render=manifests, warnings=warnings)
