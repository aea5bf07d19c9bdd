"""
Rules as data, in the words of Prometheus: for targets that write them in a form of their own.

Says what the default rendering says; writes YAML that a person can still read.
"""

from collections.abc import Mapping

import msgspec
import yaml

from sse_observe.render.banner import banner
from sse_observe.render.groups import AlertRule, RecordingRule, Rules
from sse_observe.render.target import Rendering

# Nothing is folded: a template that is broken in the middle is hard to read.
_WIDTH = 10_000


class Rule(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"hold_for": "for"}
):
    """One rule: either `record` or `alert` is its name."""

    record: str = ""
    alert: str = ""
    expr: str
    hold_for: str = ""
    keep_firing_for: str = ""
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}


class RuleGroup(msgspec.Struct, frozen=True):
    """Rules that are evaluated together, in order."""

    name: str
    interval: str
    rules: tuple[Rule, ...]


def rule_groups(rendering: Rendering) -> tuple[RuleGroup, ...]:
    """Return all groups, those of signals first."""
    rules = Rules(rendering.catalog, rendering.settings)
    recorded = (
        RuleGroup(group.name, group.interval, tuple(map(_recording, group.rules)))
        for group in rules.recordings()
    )
    alerts = (
        RuleGroup(group.name, group.interval, tuple(map(_alert, group.rules)))
        for group in rules.alerts()
    )
    return (*recorded, *alerts)


def _recording(rule: RecordingRule) -> Rule:
    return Rule(record=rule.record, expr=rule.expr, labels=rule.labels)


def _alert(rule: AlertRule) -> Rule:
    return Rule(
        alert=rule.alert.name,
        expr=rule.expr,
        hold_for=rule.hold_for,
        keep_firing_for=rule.alert.keep_firing_for or "",
        labels=rule.labels,
        annotations=rule.annotations,
    )


class _Dumper(yaml.SafeDumper):
    """Writes expressions of several lines as they are, and repeats what stands twice."""

    def ignore_aliases(self, data: object) -> bool:
        """Never write `&id001`: a reader would have to search for it."""
        del data
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    lines = value.split("\n")
    plain = all(line.isprintable() and line == line.strip() != "" for line in lines)
    style = None if value.isprintable() else '"'
    if plain and len(lines) > 1:
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(document: object) -> str:
    """Return YAML below our banner: rules come from the catalogue, whatever their form."""
    plain = msgspec.to_builtins(document)
    text = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return f"# {banner('sse_observe/catalog/')}\n{text}"
