"""The dashboards as files: what Grafana 11 to 13 reads, and what a linter and a reader find."""

import itertools
import json
import re
import warnings
from typing import Any

import msgspec
import promql_parser as promql
import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from sse_observe.catalog.load import load
from sse_observe.catalog.model import Alert
from sse_observe.render.banner import MARK
from sse_observe.render.boards import render_boards
from sse_observe.render.queries import plotted
from sse_observe.render.settings import AlertSettings, Settings
from sse_observe.render.tuning import tune
from tests.support import grafana_lint as lint

JSON = dict[str, Any]
with warnings.catch_warnings():
    # The models advise dashboards v2, which Grafana 13 does not take from files.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.models.dashboard import Dashboard

CATALOG = load()
NAMES = tuple(board.name for board in CATALOG.boards)
# Whatever else a series is split by is an enum of ours; these come from users and may be many.
UNBOUNDED = {"job", "route", "instance", "user_segment"}
MOST_SERIES = 50

plugins.register_default_plugins()


def rendered(**changes: Any) -> dict[str, JSON]:
    """Return the boards, parsed, by name, under settings that differ from the defaults."""
    settings = msgspec.structs.replace(Settings(), **changes)
    files = render_boards(tune(CATALOG, settings), settings)
    return {path[11:-5]: json.loads(text) for path, text in files.items()}


BOARDS = rendered()


def panel(board: str, title: str, boards: dict[str, JSON] = BOARDS) -> JSON:
    found = [one for one in lint.panels(boards[board]) if one["title"] == title]
    assert len(found) == 1, f"{title} stands {len(found)} times on {board}"
    return found[0]


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


@pytest.mark.parametrize("name", NAMES)
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
@pytest.mark.parametrize("name", NAMES)
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


def test_rendering_twice_gives_the_same_bytes() -> None:
    """A diff in review is a change that somebody made."""
    settings = Settings()

    first, second = (render_boards(tune(CATALOG, settings), settings) for _ in range(2))

    assert first == second
    assert all(text.endswith("}\n") for text in first.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_board_has_its_fixed_address_and_our_banner(name: str) -> None:
    """Links in alerts point at the uid; the banner says where to make a change."""
    board = BOARDS[name]

    assert f"sse-{name}" == board["uid"]
    assert MARK in board["description"]
    assert (board["graphTooltip"], board["refresh"], board["schemaVersion"]) == (1, "30s", 39)


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_unique_and_follow_the_title(name: str) -> None:
    """A link to a panel survives a new neighbour: its id comes from its title alone."""
    board = BOARDS[name]
    ids = [one["id"] for one in (*board["panels"], *lint.panels(board))]
    own = {(one["id"], one["title"]) for one in (*board["panels"], *lint.panels(board))}

    assert len(own) == len({number for number, _ in own})
    assert all(0 < number < 2**31 for number in ids)


def cells(one: JSON) -> set[tuple[int, int]]:
    place = one["gridPos"]
    columns = range(place["x"], place["x"] + place["w"])
    return set(itertools.product(columns, range(place["y"], place["y"] + place["h"])))


@pytest.mark.parametrize("name", NAMES)
def test_no_panel_lies_on_another_or_outside_the_grid(name: str) -> None:
    """Rows and panels share the grid; those of a collapsed row have it for themselves."""
    board = BOARDS[name]
    groups = [board["panels"], *(row["panels"] for row in board["panels"] if "panels" in row)]

    for group in groups:
        taken: set[tuple[int, int]] = set()
        for one in group:
            assert not taken & cells(one), one["title"]
            taken |= cells(one)
        assert all(0 <= x < 24 for x, _ in taken)


@pytest.mark.parametrize("name", NAMES)
def test_every_base_threshold_is_a_real_null(name: str) -> None:
    """The string "null" would paint every value in the base colour."""
    for one in lint.panels(BOARDS[name]):
        defaults = one["fieldConfig"]["defaults"]
        if "thresholds" in defaults:
            steps = defaults["thresholds"]["steps"]
            values = [step["value"] for step in steps]
            assert values[0] is None
            assert values[1:] == sorted(values[1:])


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


@pytest.mark.parametrize("name", NAMES)
def test_no_query_gives_more_series_than_a_reader_can_hold(name: str) -> None:
    """What is split by a user's own names is cut to the worst; thousands of instances fit."""
    for one, target in lint.targets(BOARDS[name]):
        bound = most_series(promql.parse(lint.expanded(target["expr"])))
        assert bound <= MOST_SERIES, f"{one['title']}: {target['expr']}"


PLOTS = [
    pytest.param(board.name, one.title, alert, id=f"{board.name}-{one.title}-{alert.name}")
    for board in CATALOG.boards
    for row in board.rows
    for one in row.panels
    for alert in tune(CATALOG, Settings()).alerts
    if one.kind == "timeseries" and alert.signal in {plotted(query.expr) for query in one.queries}
]


@pytest.mark.parametrize(("board", "title", "alert"), PLOTS)
def test_a_graph_draws_the_line_of_the_alert_that_watches_it(
    board: str, title: str, alert: Alert
) -> None:
    """Panel and pager agree: the same number, and a link to what to do beyond it."""
    shown = panel(board, title)

    steps = shown["fieldConfig"]["defaults"]["thresholds"]["steps"]

    # Where any is too many, the line would lie on the axis.
    assert alert.line() == 0 or alert.line() in [step["value"] for step in steps]
    assert f"Runbook: {alert.name}" in [link["title"] for link in shown["links"]]


@pytest.mark.parametrize("alert", CATALOG.alerts, ids=lambda alert: alert.name)
def test_every_alert_has_its_line_on_its_own_board(alert: Alert) -> None:
    """Who follows an alert's link to its dashboard finds there what it compares."""
    links = [link["title"] for one in lint.panels(BOARDS[alert.dashboard]) for link in one["links"]]

    assert f"Runbook: {alert.name}" in links


def test_a_users_threshold_moves_the_line_and_the_stat() -> None:
    """Who tunes an alert sees the new number on the board, and no other place to change."""
    tuned = rendered(alerts={"SSEHighReconnectLatency": AlertSettings(threshold=0.2)})

    for board, title in (
        ("stream-health", "Slow reconnects"),
        ("network-quality", "Slow reconnects"),
        ("network-quality", "Reconnects over 5 s"),
    ):
        steps = panel(board, title, tuned)["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert 0.2 in [step["value"] for step in steps]


def test_a_disabled_alert_leaves_no_line_and_no_link() -> None:
    """What cannot fire is not drawn as if it could."""
    quiet = rendered(alerts={"SSEHighReconnectLatency": AlertSettings(enabled=False)})

    shown = panel("network-quality", "Slow reconnects", quiet)

    assert [s["value"] for s in shown["fieldConfig"]["defaults"]["thresholds"]["steps"]] == [None]
    assert shown["links"] == []
    assert "SSEHighReconnectLatency" not in shown["description"]


def test_burn_rate_windows_each_have_their_line() -> None:
    """14.4 and 6 times half a percent: the shares at which somebody is called."""
    shown = panel("stream-health", "Error budget burn")

    steps = shown["fieldConfig"]["defaults"]["thresholds"]["steps"]

    assert [step["value"] for step in steps] == [None, 0.015, 0.03, 0.072]
    assert [link["title"] for link in shown["links"]] == ["Runbook: SSEErrorBudgetBurn"]


def test_a_grouping_label_becomes_a_variable_of_every_selector() -> None:
    """Who runs many clusters narrows to one, as with job and route."""
    grouped = rendered(group_by=("cluster",))["stream-health"]

    names = [variable["name"] for variable in grouped["templating"]["list"]]

    assert names == ["datasource", "job", "cluster", "route", "instance"]
    for one, target in lint.targets(grouped):
        narrowed = target["expr"].count('cluster=~"$cluster"')
        assert narrowed == target["expr"].count('job=~"$job"'), one["title"]


def narrowing(board: JSON) -> list[str]:
    """Return the addresses that a click on a route or an instance leads to."""
    configs = [one["fieldConfig"] for one in lint.panels(board)]
    links = [link for config in configs for link in config["defaults"].get("links", [])]
    for config in configs:
        properties = [one for override in config["overrides"] for one in override["properties"]]
        links += [link for one in properties if one["id"] == "links" for link in one["value"]]
    return [link["url"] for link in links]


@pytest.mark.parametrize("labels", [(), ("cluster",), ("cluster", "namespace")])
@pytest.mark.parametrize("name", NAMES)
def test_a_click_narrows_the_board_and_forgets_nothing(name: str, labels: tuple[str, ...]) -> None:
    """Whoever looks at one cluster and clicks a route stays in that cluster, on that board."""
    board = rendered(group_by=labels)[name]
    variables = [one["name"] for one in board["templating"]["list"] if one["name"] != "instance"]

    for url in narrowing(board):
        path, _, query = url.partition("?")
        named = re.findall(r"\$\{(\w+):queryparam\}", query)
        (chosen,) = re.findall(r"var-(\w+)=\$\{[\w.]+:percentencode\}", query)
        assert path == f"/d/{board['uid']}"
        assert [*named, chosen] == [*(one for one in variables if one != chosen), chosen]
        assert "${__url_time_range}" in query
    assert len(narrowing(board)) > 5


def test_the_selector_of_the_settings_is_on_raw_series() -> None:
    """Per instance rows read raw series, so they need what the rules need."""
    one = panel(
        "stream-health",
        "Active streams by instance",
        rendered(selector='env="prod"')["stream-health"] and rendered(selector='env="prod"'),
    )

    assert 'env="prod"' in one["targets"][0]["expr"]


def test_lost_in_this_range_counts_by_the_rules_own_interval() -> None:
    """A recorded rate is a sample for each evaluation: the sum times the interval is the count."""
    defaults = panel("stream-health", "Message loss")
    faster = panel("stream-health", "Message loss", rendered(rule_interval="10s", time_scale=2.0))

    assert defaults["targets"][0]["expr"].endswith("[$__range])) * 30")
    assert faster["targets"][0]["expr"].endswith("[$__range])) * 5")
    assert (defaults["interval"], faster["interval"]) == ("30s", "5s")


def test_marks_show_firing_alerts_and_restarts() -> None:
    """Every graph says what fired and when a process started, without the instance variable."""
    marks = BOARDS["stall-detection"]["annotations"]["list"][1:]

    assert [mark["name"] for mark in marks] == ["Firing alerts", "Restarts"]
    assert marks[0]["expr"].count('route=~"$route|"') == 2
    assert all('job=~"$job"' in mark["expr"] for mark in marks)
    assert not any("$instance" in mark["expr"] for mark in marks)


@pytest.mark.parametrize("name", NAMES)
def test_an_axis_of_nothing_is_not_of_a_hundred(name: str) -> None:
    """Where all is zero Grafana draws up to 100: of a share, that is 10000 %."""
    for shown in lint.panels(BOARDS[name]):
        defaults = shown["fieldConfig"]["defaults"]
        if shown["type"] == "timeseries" and defaults["unit"] in ("percentunit", "locale"):
            assert "max" in defaults or "axisSoftMax" in defaults["custom"]


def test_an_alert_is_marked_where_it_began() -> None:
    """Grafana tints a graph for as long as a mark lasts, and ten that last paint it red."""
    mark = BOARDS["stream-health"]["annotations"]["list"][1]

    before, word, after = mark["expr"].partition(" unless ")

    assert word
    assert after == before.replace("})", "} offset $__interval)")


def test_grafana_finds_the_query_of_a_mark_in_every_version() -> None:
    """Early releases of 11 read it from the mark itself, later ones from its target."""
    for board in BOARDS.values():
        for mark in board["annotations"]["list"][1:]:
            assert mark["target"] == {
                "expr": mark["expr"],
                "interval": mark["step"],
                "refId": "Anno",
            }


def test_a_routes_budget_is_judged_as_on_the_first_row() -> None:
    """Red below nothing, orange below a quarter: one number has one colour."""
    [look] = [
        one["properties"]
        for one in panel("stream-health", "Routes")["fieldConfig"]["overrides"]
        if one["matcher"]["options"] == "Budget left"
    ]
    stat = panel("stream-health", "Budget left")["fieldConfig"]["defaults"]["thresholds"]["steps"]
    table = next(p["value"]["steps"] for p in look if p["id"] == "thresholds")

    assert table[:-1] == stat[:-1]
    assert table[-1] == {"value": stat[-1]["value"], "color": "text"}
    assert not [p for p in look if p["id"] == "color"]


def test_raw_series_are_read_of_chosen_instances_only() -> None:
    """All of a thousand instances would cost Prometheus seconds for each graph."""
    for board in BOARDS.values():
        variable = board["templating"]["list"][-1]
        assert tuple(variable[key] for key in ("name", "includeAll", "multi")) == (
            "instance",
            False,
            True,
        )
        assert "current" not in variable


def test_the_instance_variable_serves_the_collapsed_row_alone() -> None:
    """Open rows read signals, which know no instance; raw series stand under a lid."""
    for board in BOARDS.values():
        for one in board["panels"]:
            for target in one.get("targets", []):
                assert "$instance" not in target["expr"]
        last = board["panels"][-1]
        assert last["collapsed"]
        assert "chosen in “Instance”" in last["title"]
        assert all("$instance" in t["expr"] for p in last["panels"] for t in p["targets"])
