"""Rules and ClusterRules: what their published types know, and nothing else."""

import msgspec

from tests.support.rendered import target
from tests.support.rule_kinds import GoogleRules, PlainFile

FILES = target("google")
NAMESPACED = msgspec.yaml.decode(FILES["namespace/sse-rules.yaml"], type=GoogleRules)
OF_CLUSTER = msgspec.yaml.decode(FILES["cluster/sse-cluster-rules.yaml"], type=GoogleRules)


def test_both_kinds_hold_the_same_groups() -> None:
    """One for a namespace, one for a cluster, in folders that nobody applies together."""
    assert (NAMESPACED.kind, OF_CLUSTER.kind) == ("Rules", "ClusterRules")
    assert NAMESPACED.spec == OF_CLUSTER.spec


def test_only_what_cannot_be_said_there_is_left_out() -> None:
    """Each rule is there, in order, with all but `keep_firing_for`; the README counts those."""
    plain = msgspec.yaml.decode(target("mimir")["sse-observe.yaml"], type=PlainFile)
    kept = {rule.alert for group in plain.groups for rule in group.rules if rule.keep_firing_for}
    for group in plain.groups:
        for rule in group.rules:
            rule.keep_firing_for = ""

    assert msgspec.to_builtins(plain.groups) == [
        {
            **msgspec.to_builtins(group),
            "rules": [{**msgspec.to_builtins(rule), "keep_firing_for": ""} for rule in group.rules],
        }
        for group in OF_CLUSTER.spec.groups
    ]
    assert f"left out of {len(kept)} alerts" in FILES["README.md"]
