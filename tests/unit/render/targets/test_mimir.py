"""The namespace of Mimir: the rules of the plain files, within the limits of its ruler."""

from pathlib import Path

import msgspec
import yaml

from tests.support.rendered import FILES, default_target, refused, rules, target
from tests.support.rule_kinds import PlainFile


def test_it_holds_every_rule_of_the_plain_files() -> None:
    """Records before alerts, each as Prometheus has it."""
    text = default_target("mimir")["sse-observe.yaml"]
    found = msgspec.yaml.decode(text, type=PlainFile)
    plain = [
        {**rule, "expr": rule["expr"].rstrip("\n")}
        for rule in rules({k: v for k, v in sorted(FILES.items(), reverse=True) if "alerts/" in k})
    ]

    assert [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]] == plain
    assert max(len(group.rules) for group in found.groups) <= 20
    assert len({group.name for group in found.groups}) == len(found.groups) <= 70
    assert all(len(group.name) <= 40 for group in found.groups)


def test_a_limit_of_the_tenant_is_not_exceeded(tmp_path: Path) -> None:
    """A file that the ruler would refuse is refused here, with the limit's own name."""
    groups = refused("mimir", tmp_path, "mimir: {groups: 5}\n")
    rules_ = refused("mimir", tmp_path, "mimir: {rules_per_group: 10}\n")
    long = refused("mimir", tmp_path, f"annotations: {{note: {'x' * 40_000}}}\n")

    assert "mimir.groups: 5: the bundle has" in groups
    assert "ruler_max_rule_groups_per_tenant" in groups
    assert "mimir.rules_per_group: 10: sse-completion has 20 rules" in rules_
    assert "make them shorter" in long


def test_the_readme_names_tenant_and_namespace(tmp_path: Path) -> None:
    """Whoever copies its commands loads into the tenant that the settings name, and no other's."""
    text = target("mimir", tmp_path, "mimir: {tenant: team-a, address: 'https://m.test'}\n")
    readme = text["README.md"]

    assert "--id=team-a" in readme
    assert "--address=https://m.test" in readme
    for line in readme.splitlines():
        if "rules sync" in line:
            assert "--namespaces=sse-observe" in line
