"""Expressions under a user's settings: selector, grouping labels, intervals, template words."""

import re
from pathlib import Path

import promql_parser
import pytest

from sse_observe.catalog.series import RAW
from sse_observe.errors import CatalogError
from sse_observe.render.bundle import catalogue
from sse_observe.render.expressions import Expressions
from sse_observe.render.runbooks import runbooks
from sse_observe.render.settings import Settings
from tests.support.rendered import files, rules

TUNED, _ = catalogue(None)


FENCE = re.compile(r"^ *```promql\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(group_by=("cluster",), selector='env="x"', time_scale=60, scrape_interval="500ms"),
    ],
    ids=["default", "tuned"],
)
def test_every_expression_parses(settings: Settings) -> None:
    """Recordings, alerts and the runbooks' queries are PromQL under any settings."""
    expressions = Expressions(settings)
    signals = {signal.record: signal for signal in TUNED.signals}
    queries = [expressions.record(signal) for signal in TUNED.signals]
    queries += [
        expressions.alert(alert, signals, window)
        for alert in TUNED.alerts
        for window in alert.windows or (None,)
    ]
    pages = runbooks(TUNED, settings).values()
    queries += [query for page in pages for query in FENCE.findall(page)]

    for query in queries:
        assert promql_parser.parse(query) is not None
    assert len(queries) > 200


def test_selector_reaches_every_raw_metric_and_no_signal(tmp_path: Path) -> None:
    """The user's selector is in each raw selector once; signals are narrowed by it already."""
    found = files(tmp_path, 'selector: \'{env="a,b" , zone=~"x|y"}\'\n')
    seen = set()

    def visit(node: object) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            matchers = {m.name for m in node.matchers.matchers}
            raw = node.name in {*RAW, "up"}
            assert ({"env", "zone"} <= matchers) == raw, node.name
            seen.add(node.name)
        return True

    for rule in rules(found):
        promql_parser.walk(promql_parser.parse(rule["expr"]), visit)

    assert "up" in seen
    assert 'sse_build_info{env="a,b", zone=~"x|y"}' in found["alerts/sse-recording-rules.yaml"]


def test_group_labels_stay_on_every_series(tmp_path: Path) -> None:
    """The user's grouping labels survive every aggregation, match and link."""
    found = files(tmp_path, "group_by: [cluster]\n")

    for rule in rules(found):
        for labels in re.findall(r"(?:by|on) \(([^)]*)\)", rule["expr"]):
            assert "cluster" in labels or labels in ("", "job, instance"), rule["expr"]
        if "alert" in rule:
            assert (
                "var-cluster={{ $labels.cluster | urlquery }}"
                in rule["annotations"]["dashboard_url"]
            )


def test_a_count_is_as_often_as_what_it_counts() -> None:
    """A slow signal's sum is worth its own interval; two intervals in one sum are refused."""
    expressions = Expressions(Settings())
    counted = ('route:sse_cuts:rate5m{route=~"/[a-z]{2}"}', "route:sse_streams_lost:rate5m")
    cuts, lost = (f"sum_over_time({name}[1h])" for name in counted)

    assert expressions.fill(f"{cuts} * << interval >>").endswith("* 150")
    assert expressions.fill(f"{lost} * << interval >>").endswith("* 30")
    with pytest.raises(CatalogError, match="cannot be counted together"):
        expressions.fill(f"({cuts} + {lost}) * << interval >>")


@pytest.mark.parametrize("word", ["<< nothing >>", "<< objective('speed') >>", "<< w('soon') >>"])
def test_unknown_word_is_refused_by_its_name(word: str) -> None:
    """A slip in a template stops the render; it never reaches a rule as text."""
    with pytest.raises(CatalogError, match=re.escape(f"{word}: no such word in a template")):
        Expressions(Settings()).fill(f"sum({word})")
