"""The rules of VictoriaMetrics: those of Prometheus, with an increase written in its own words."""

import re
from pathlib import Path

import msgspec
import pytest

from sse_observe.render.targets.victoriametrics import metricsql
from tests.support.rendered import default_target, target
from tests.support.rule_kinds import PlainFile, VMRule


@pytest.mark.parametrize(
    ("promql", "written"),
    [
        ("increase(a[5m])", "increase_prometheus(a[5m])"),
        ("route:x:increase15m > 0", "route:x:increase15m > 0"),
        (
            'sum(increase(a{b="increase(c)"}[5m]))',
            'sum(increase_prometheus(a{b="increase(c)"}[5m]))',
        ),
    ],
)
def test_only_the_function_is_said_otherwise(promql: str, written: str) -> None:
    """A name or a label's value that looks like it stays."""
    assert metricsql(promql) == written


def test_rules_are_those_of_prometheus_but_for_the_function() -> None:
    """Nothing else is changed, and the operator gets the same groups as vmalert."""
    plain = msgspec.yaml.decode(default_target("mimir")["sse-observe.yaml"], type=PlainFile)
    files = default_target("victoriametrics")
    text = files["sse-observe.yaml"]
    vmrule = msgspec.yaml.decode(files["sse-vmrule.yaml"], type=VMRule)

    assert vmrule.spec.groups == msgspec.yaml.decode(text, type=PlainFile).groups
    back = re.sub(r"\bincrease_prometheus\(", "increase(", text)
    assert msgspec.yaml.decode(back, type=PlainFile) == plain
    assert text.count("increase_prometheus(") >= 3


def test_an_old_vmalert_gets_what_it_knows(tmp_path: Path) -> None:
    """Before 1.90 it refuses a file with `keep_firing_for`."""
    old = target("victoriametrics", tmp_path, "victoriametrics: {keep_firing_for: false}\n")

    assert "keep_firing_for" not in old["sse-observe.yaml"] + old["sse-vmrule.yaml"]
    assert "keep_firing_for" in default_target("victoriametrics")["sse-observe.yaml"]
