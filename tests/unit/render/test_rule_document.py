"""Rules as data: what is written is read back as it was, and a person can read it."""

from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.render.bundle import ours
from sse_observe.render.rule_document import Rule, RuleGroup, yaml_text

TEXT = st.text(max_size=40)


@given(expr=TEXT, labels=st.dictionaries(TEXT, TEXT, max_size=3))
def test_whatever_is_written_is_read_back(expr: str, labels: dict[str, str]) -> None:
    """Quotes, line feeds and odd characters of a user's words survive."""
    rule = Rule(alert="A", expr=expr, labels=labels)
    text = yaml_text(RuleGroup("g", "30s", (rule,)))

    (read,) = yaml.safe_load(text)["rules"]

    assert (read["expr"], read.get("labels", {})) == (expr, labels)


def test_lines_of_an_expression_stay_lines(tmp_path: Path) -> None:
    """A reader sees the expression as in Prometheus' file, below a banner that says whose it is."""
    text = yaml_text(Rule(record="r", expr="a\nand b"))
    (tmp_path / "file.yaml").write_text(text)

    assert "expr: |-\n  a\n  and b\n" in text
    assert ours(tmp_path / "file.yaml")
    assert "alert" not in text


def test_what_stands_twice_is_written_twice() -> None:
    """No anchors: a reader need not search for what `*id001` was."""
    labels = {"severity": "critical"}
    rules = tuple(Rule(alert=name, expr="1", labels=labels) for name in "ab")

    assert "&id" not in yaml_text(RuleGroup("g", "30s", rules))
