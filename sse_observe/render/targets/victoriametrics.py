"""
The bundle as VictoriaMetrics takes it: a file for vmalert, and a VMRule for its operator.

Its language reads PromQL, and counts an increase in its own way: said otherwise here.
"""

from collections.abc import Iterator

import msgspec

from sse_observe.catalog import promql
from sse_observe.catalog.durations import duration
from sse_observe.render.rule_document import RuleGroup, rule_groups, yaml_text
from sse_observe.render.target import Rendering, Target
from sse_observe.render.text import fill

FOLDER = "victoriametrics"
FILES = ("sse-observe.yaml", "sse-vmrule.yaml", "README.md")

# MetricsQL takes the first value of a counter that it has never seen for an increase from 0: old
# losses would be new ones when scraping begins.
_FUNCTIONS = {"increase": "increase_prometheus"}


def rules(rendering: Rendering) -> dict[str, str]:
    """Return the same groups for vmalert and for the operator, and how to load them, by path."""
    keep = rendering.settings.victoriametrics.keep_firing_for
    groups = [_group(group, keep_firing_for=keep) for group in rule_groups(rendering)]
    vmrule = {
        "apiVersion": "operator.victoriametrics.com/v1beta1",
        "kind": "VMRule",
        "metadata": {"name": "sse-observe"},
        "spec": {"groups": groups},
    }
    return {
        f"{FOLDER}/sse-observe.yaml": yaml_text({"groups": groups}),
        f"{FOLDER}/sse-vmrule.yaml": yaml_text(vmrule),
        f"{FOLDER}/README.md": fill(f"{FOLDER}/README.md.j2", settings=rendering.settings),
    }


def warnings(rendering: Rendering) -> Iterator[str]:
    """Yield that records are older there."""
    every = duration(rendering.settings.rule_seconds)
    yield (
        f"victoriametrics: a record is read {every} after it was made, so an alert comes that much "
        "later for each record between metric and alert"
    )


def _group(group: RuleGroup, *, keep_firing_for: bool) -> RuleGroup:
    return msgspec.structs.replace(
        group,
        rules=tuple(
            msgspec.structs.replace(
                rule,
                expr=metricsql(rule.expr),
                keep_firing_for=rule.keep_firing_for if keep_firing_for else "",
            )
            for rule in group.rules
        ),
    )


def metricsql(expr: str) -> str:
    """Return an expression that VictoriaMetrics evaluates as Prometheus evaluates the original."""
    return promql.renamed(expr, lambda name: _FUNCTIONS.get(name, name))


TARGET = Target(folders={FOLDER: FILES}, render=rules, warnings=warnings)
