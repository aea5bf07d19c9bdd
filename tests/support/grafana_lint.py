"""
The 17 rules that dashboards of monitoring mixins are linted by, on every kind of panel.

Stricter than the linter they come from: counters are found under matchers too, an empty `mappings`
excuses no missing unit, `targets: []` is no target, `editable` must be set, and heatmaps, bar
gauges and collapsed rows are looked into.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import promql_parser as promql
from grafanalib import formatunits

JSON = dict[str, Any]
Rule = Callable[[JSON], Iterator[str]]

# Grafana knows events per second; grafanalib's list is older than that.
UNITS = {v for k, v in vars(formatunits).items() if k.isupper() and isinstance(v, str)} | {"eps"}
SOURCES = {"$datasource", "${datasource}", "$prometheus_datasource", "${prometheus_datasource}"}
SAMPLES = {"__rate_interval": "5m", "__interval": "30s", "__range": "3h", "datasource": "prom"}


def expanded(expr: str) -> str:
    """Put a sample where Grafana puts a variable's value."""
    return re.sub(r"\$\{?(\w+)(?::\w+)?\}?", lambda found: SAMPLES.get(found[1], "sample.+"), expr)


def panels(board: JSON) -> Iterator[JSON]:
    """Yield every panel that asks something, those of collapsed rows too."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def targets(board: JSON) -> Iterator[tuple[JSON, JSON]]:
    """Yield every target with its panel."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield panel, target


def nodes(tree: Any) -> Iterator[Any]:
    """Walk a PromQL expression, each node before what it holds."""
    yield tree
    for name in ("expr", "lhs", "rhs", "param", "vector_selector"):
        below = getattr(tree, name, None)
        if below is not None and not isinstance(below, float | int | str):
            yield from nodes(below)
    for argument in getattr(tree, "args", ()):
        yield from nodes(argument)


def selectors(board: JSON) -> Iterator[tuple[JSON, Any, str]]:
    """Yield each selector with its panel; its matchers hold the variables unexpanded."""
    for panel, target in targets(board):
        hidden = re.sub(r"\$(\w+)", r"VAR_\1", re.sub(r"\$__\w+", "5m", target["expr"]))
        for node in nodes(promql.parse(hidden)):
            if isinstance(node, promql.VectorSelector):
                yield panel, node, str(node.name)


def _variable(board: JSON, name: str) -> JSON | None:
    return next((v for v in board["templating"]["list"] if v["name"] == name), None)


def template_datasource(board: JSON) -> Iterator[str]:
    found = [v for v in board["templating"]["list"] if v["type"] == "datasource"]
    if not found:
        yield "no variable for the data source"
    for variable in found:
        if variable["name"] not in ("datasource", "prometheus_datasource"):
            yield f"variable {variable['name']} should be called datasource"
        if variable["label"] not in ("Data source", "Prometheus data source"):
            yield f"variable {variable['name']} is labelled {variable['label']}"


def _template(board: JSON, name: str) -> Iterator[str]:
    variable = _variable(board, name)
    if variable is None:
        yield f"no variable {name}"
        return
    for key, wanted in (
        ("type", "query"),
        ("label", name.capitalize()),
        ("multi", True),
        ("allValue", ".+"),
    ):
        if variable.get(key) != wanted:
            yield f"variable {name}: {key} is {variable.get(key)!r}"
    if variable["datasource"]["uid"] not in SOURCES:
        yield f"variable {name} does not follow the data source"


def template_job(board: JSON) -> Iterator[str]:
    yield from _template(board, "job")


def template_instance(board: JSON) -> Iterator[str]:
    yield from _template(board, "instance")


def template_label_promql(board: JSON) -> Iterator[str]:
    for variable in board["templating"]["list"]:
        if variable["type"] != "query":
            continue
        called = re.fullmatch(
            r"(?:label_names|label_values|metrics|query_result)\((.+)\)", variable["query"]
        )
        if called is None:
            yield f"variable {variable['name']}: no function of the data source"
        else:
            promql.parse(expanded(called[1].rpartition(",")[0] or called[1]))


def template_on_time_change_reload(board: JSON) -> Iterator[str]:
    for variable in board["templating"]["list"]:
        if variable["type"] == "query" and variable["refresh"] != 2:
            yield f"variable {variable['name']} does not follow the time range"


def panel_datasource(board: JSON) -> Iterator[str]:
    for panel in panels(board):
        for asked in (panel, *panel["targets"]):
            if asked["datasource"]["uid"] not in SOURCES:
                yield f"{panel['title']}: data source {asked['datasource']}"


def panel_title_description(board: JSON) -> Iterator[str]:
    for panel in panels(board):
        if not panel["title"].strip() or not panel["description"].strip():
            yield f"{panel['id']}: without title or description"


def panel_units(board: JSON) -> Iterator[str]:
    for panel in panels(board):
        config = panel["fieldConfig"]
        found = [config["defaults"].get("unit") or panel["options"].get("yAxis", {}).get("unit")]
        found += [
            entry["value"]
            for override in config["overrides"]
            for entry in override["properties"]
            if entry["id"] == "unit"
        ]
        for unit in found:
            if unit not in UNITS:
                yield f"{panel['title']}: unit {unit!r}"


def panel_no_targets(board: JSON) -> Iterator[str]:
    for panel in panels(board):
        if not panel["targets"]:
            yield f"{panel['title']}: asks nothing"


def target_logql(board: JSON) -> Iterator[str]:
    """Hold logs to their own rules; a board of metrics asks no log at all."""
    for panel, target in targets(board):
        if target["datasource"]["type"] != "prometheus":
            yield f"{panel['title']}: asks {target['datasource']['type']}"


def target_logql_auto(board: JSON) -> Iterator[str]:
    for panel, target in targets(board):
        if "$__auto" in target["expr"]:
            yield f"{panel['title']}: $__auto is for logs"


def target_promql(board: JSON) -> Iterator[str]:
    for panel, target in targets(board):
        try:
            promql.parse(expanded(target["expr"]))
        except ValueError as error:
            yield f"{panel['title']}: {error}"


def target_rate_interval(board: JSON) -> Iterator[str]:
    for panel, target in targets(board):
        for window in re.findall(r"\bi?(?:rate|increase)\([^()]*\[([^\]]+)\]", target["expr"]):
            if window != "$__rate_interval":
                yield f"{panel['title']}: a rate over {window}"


def _matched(board: JSON, label: str) -> Iterator[str]:
    for panel, selector, name in selectors(board):
        found = [m for m in selector.matchers.matchers if m.name == label]
        if not any(m.op == promql.MatchOp.Re and m.value == f"VAR_{label}" for m in found):
            yield f"{panel['title']}: {name} without {label}"


def target_job(board: JSON) -> Iterator[str]:
    yield from _matched(board, "job")


def target_instance(board: JSON) -> Iterator[str]:
    yield from _matched(board, "instance")


def target_counter_agg(board: JSON) -> Iterator[str]:
    for panel, target in targets(board):
        names = re.findall(r"\b\w+_total\b", re.sub(r'"[^"]*"', '""', target["expr"]))
        wrapped = re.findall(r"\b(?:irate|rate|increase)\(\s*(\w+_total)\b", target["expr"])
        if len(names) != len(wrapped):
            yield f"{panel['title']}: a raw counter among {names}"


def uneditable_dashboard(board: JSON) -> Iterator[str]:
    if board.get("editable") is not False:
        yield "editable"


RULES: tuple[Rule, ...] = (
    template_datasource,
    template_job,
    template_instance,
    template_label_promql,
    template_on_time_change_reload,
    panel_datasource,
    panel_title_description,
    panel_units,
    panel_no_targets,
    target_logql,
    target_logql_auto,
    target_promql,
    target_rate_interval,
    target_job,
    target_instance,
    target_counter_agg,
    uneditable_dashboard,
)
