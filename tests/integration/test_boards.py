"""The dashboards before Grafana's own models, a linter, and a reader with many of everything."""

import json
import re
import warnings
from typing import Any

import promql_parser as promql
import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from tests.support import grafana_lint as lint
from tests.support.rendered import BOARDS, JSON

with warnings.catch_warnings():
    # The models advise dashboards v2, which Grafana 13 does not take from files.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.models.dashboard import Dashboard

# Whatever else a series is split by is an enum of ours; these come from users and may be many.
UNBOUNDED = {"job", "route", "instance", "user_segment"}
MOST_SERIES = 50

plugins.register_default_plugins()


def lost(before: Any, after: Any, path: str = "") -> list[str]:
    """Name what is in one JSON and not the same in another."""
    if isinstance(before, dict) and isinstance(after, dict):
        found = [f"{path}.{key}" for key in before if key not in after]
        for key in before.keys() & after.keys():
            found += lost(before[key], after[key], f"{path}.{key}")
        return found
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [at for i, (a, b) in pairs for at in lost(a, b, f"{path}[{i}]")]
    return [] if before == after else [f"{path}: {before!r} became {after!r}"]


@pytest.mark.parametrize("name", BOARDS)
def test_grafanas_own_models_know_every_key(name: str) -> None:
    """Read into Grafana's models and written again, a board is what it was."""
    board = BOARDS[name]

    again = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))

    assert lost(board, again) == []


def test_the_round_trip_would_see_a_key_that_grafana_does_not_know() -> None:
    """The models drop unknown keys in silence; the comparison does not."""
    board = json.loads(json.dumps(BOARDS["stream-health"]))
    board["panels"][0]["options"]["sparklines"] = True

    again = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))

    assert lost(board, again) == [".panels[0].options.sparklines"]


@pytest.mark.parametrize("rule", lint.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", BOARDS)
def test_every_linter_rule_holds_on_every_panel(name: str, rule: lint.Rule) -> None:
    """All 17 rules hold; signals alone go without an instance, for they are summed over them."""
    found = list(rule(BOARDS[name]))
    if rule is lint.target_instance:
        found = [one for one in found if not re.search(r": (route|route_split):|ALERTS", one)]
        found = [one for one in found if "sse_stream_completion_rate" not in one]

    assert found == []


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (lint.panel_units, {"fieldConfig": {"defaults": {"mappings": []}, "overrides": []}}),
        (lint.panel_no_targets, {"targets": []}),
        (lint.panel_title_description, {"description": " "}),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_the_linter_closes_the_holes_of_its_model(rule: lint.Rule, fault: JSON) -> None:
    """An empty `mappings`, empty targets and a blank description are faults here."""
    board = json.loads(json.dumps(BOARDS["stream-health"]))
    board["panels"][0] |= fault

    assert len(list(rule(board))) == 1


@pytest.mark.parametrize(
    "expr",
    ['sum(sse_message_loss_total{job=~"$job"})', 'sum(a_total) / sum(rate(b_total{x="y"}[5m]))'],
)
def test_the_linter_finds_raw_counters_under_matchers(expr: str) -> None:
    """A counter outside a rate is found whatever stands in its braces."""
    board = json.loads(json.dumps(BOARDS["stream-health"]))
    board["panels"][0]["targets"][0]["expr"] = expr

    assert len(list(lint.target_counter_agg(board))) == 1


def most_series(tree: Any) -> float:
    """Return the most series that an expression gives, where users have many of everything."""
    bound = float("inf")
    if isinstance(tree, promql.ParenExpr):
        bound = most_series(tree.expr)
    elif isinstance(tree, promql.AggregateExpr) and str(tree.op) in ("topk", "bottomk"):
        bound = tree.param.val
    elif isinstance(tree, promql.AggregateExpr):
        labels = set(tree.modifier.labels) if tree.modifier else set()
        bound = bound if labels & UNBOUNDED else MOST_SERIES
    elif isinstance(tree, promql.Call):
        bound = most_series(tree.args[-1]) if tree.args else 1
    elif isinstance(tree, promql.BinaryExpr) and str(tree.op) == "and":
        bound = min(most_series(tree.lhs), most_series(tree.rhs))
    elif isinstance(tree, promql.BinaryExpr):
        numbers = (promql.NumberLiteral,)
        sides = [side for side in (tree.lhs, tree.rhs) if not isinstance(side, numbers)]
        bound = max(most_series(side) for side in sides)
    elif isinstance(tree, promql.NumberLiteral):
        bound = 1
    return bound


@pytest.mark.parametrize("name", BOARDS)
def test_no_query_gives_more_series_than_a_reader_can_hold(name: str) -> None:
    """Lines that users name themselves are cut to the worst; thousands of instances fit."""
    for one, target in lint.targets(BOARDS[name]):
        bound = most_series(promql.parse(lint.expanded(target["expr"])))
        assert bound <= MOST_SERIES, f"{one['title']}: {target['expr']}"
