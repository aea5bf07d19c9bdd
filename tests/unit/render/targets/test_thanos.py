"""The rule file of Thanos: the plain rules, and one word for what happens in a gap."""

from pathlib import Path

import msgspec
import yaml

from tests.support.rendered import default_target, refused, target
from tests.support.rule_kinds import ThanosFile


def test_each_group_says_what_a_silent_store_means() -> None:
    """Thanos' own key stands in every group; all else is as in Mimir's file."""
    text = default_target("thanos")["sse-observe.yaml"]
    found = msgspec.yaml.decode(text, type=ThanosFile)
    plain = yaml.safe_load(default_target("mimir")["sse-observe.yaml"])
    groups = yaml.safe_load(text)["groups"]

    assert {group.partial_response_strategy for group in found.groups} == {"abort"}
    for group in groups:
        del group["partial_response_strategy"]
    assert groups == plain["groups"]


def test_the_strategy_is_a_setting(tmp_path: Path) -> None:
    """Another word is refused with those that there are."""
    warn = target("thanos", tmp_path, "thanos: {partial_response: warn}\n")
    wrong = refused("thanos", tmp_path, "thanos: {partial_response: ignore}\n")

    assert warn["sse-observe.yaml"].count("partial_response_strategy: warn") > 10
    assert "`partial_response_strategy: warn`" in warn["README.md"]
    assert "thanos.partial_response: 'ignore'" in wrong
