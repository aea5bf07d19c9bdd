"""Rules and ClusterRules: what their published types know, and nothing else."""

from typing import NamedTuple

import msgspec
import pytest

from tests.support.rendered import default_target
from tests.support.rule_kinds import GoogleRules, PlainFile


class Both(NamedTuple):
    """The rules of each kind."""

    namespaced: GoogleRules
    of_cluster: GoogleRules


@pytest.fixture(scope="module")
def both() -> Both:
    """Return what the default settings give."""
    files = default_target("google")
    return Both(
        msgspec.yaml.decode(files["namespace/sse-rules.yaml"], type=GoogleRules),
        msgspec.yaml.decode(files["cluster/sse-cluster-rules.yaml"], type=GoogleRules),
    )


def test_both_kinds_hold_the_same_groups(both: Both) -> None:
    """One for a namespace, one for a cluster, in folders that nobody applies together."""
    assert (both.namespaced.kind, both.of_cluster.kind) == ("Rules", "ClusterRules")
    assert both.namespaced.spec == both.of_cluster.spec


def test_only_what_cannot_be_said_there_is_left_out(both: Both) -> None:
    """Each rule is there, in order, with all but `keep_firing_for`; the README counts those."""
    plain = msgspec.yaml.decode(default_target("mimir")["sse-observe.yaml"], type=PlainFile)
    kept = {rule.alert for group in plain.groups for rule in group.rules if rule.keep_firing_for}
    for group in plain.groups:
        for rule in group.rules:
            rule.keep_firing_for = ""

    assert msgspec.to_builtins(plain.groups) == [
        {
            **msgspec.to_builtins(group),
            "rules": [{**msgspec.to_builtins(rule), "keep_firing_for": ""} for rule in group.rules],
        }
        for group in both.of_cluster.spec.groups
    ]
    assert f"left out of {len(kept)} alerts" in default_target("google")["README.md"]
