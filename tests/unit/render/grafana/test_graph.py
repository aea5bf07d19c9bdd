"""Graphs: lines of alerts, axes, and the hues of names."""

import re

import pytest

from sse_observe.catalog.model import Alert, Panel, Query
from sse_observe.catalog.promql import plotted
from sse_observe.render.grafana.visual import visual
from sse_observe.render.settings import Settings
from sse_observe.render.tuning import tune
from tests.support.grafana_lint import panels
from tests.support.rendered import BOARDS, CATALOG, panel, steps

ALERTS = tune(CATALOG, Settings()).alerts
PLOTS = [
    pytest.param(board.name, one.title, alert, id=f"{board.name}-{one.title}-{alert.name}")
    for board in CATALOG.boards
    for row in board.rows
    for one in row.panels
    for alert in ALERTS
    if one.kind == "timeseries" and alert.signal in {plotted(query.expr) for query in one.queries}
]


@pytest.mark.parametrize(("board", "title", "alert"), PLOTS)
def test_a_graph_draws_the_line_of_the_alert_that_watches_it(
    board: str, title: str, alert: Alert
) -> None:
    """Panel and pager agree: the same number, and a link to what to do beyond it."""
    shown = panel(board, title)

    values = [step["value"] for step in steps(shown)]

    # Where any is too many, the line would lie on the axis.
    assert alert.line() == 0 or alert.line() in values
    assert f"Runbook: {alert.name}" in [link["title"] for link in shown["links"]]


def test_burn_rate_windows_each_have_their_line() -> None:
    """As SREs read it: at × 1 the budget lasts its window, at × 14.4 somebody is called."""
    shown = panel("stream-health", "Error budget burn")

    assert [step["value"] for step in steps(shown)] == [None, 1, 3, 6, 14.4]
    assert [link["title"] for link in shown["links"]] == ["Runbook: SSEErrorBudgetBurn"]


@pytest.mark.parametrize("name", BOARDS)
def test_an_axis_of_nothing_is_not_of_a_hundred(name: str) -> None:
    """Where all is zero Grafana draws up to 100: of a share, that is 10000 %."""
    for shown in panels(BOARDS[name]):
        defaults = shown["fieldConfig"]["defaults"]
        if shown["type"] == "timeseries" and defaults["unit"] in ("percentunit", "locale"):
            assert "max" in defaults or "axisSoftMax" in defaults["custom"]


@pytest.mark.parametrize(
    ("name", "like", "unlike"),
    [
        ("10.0.0.11:8000", "10.9.9.1:9090", "10.0.0.12:8000"),
        ("chat-5d9f-x2k4q:8000", "chat-5d9f-aaaaq:8000", "chat-5d9f-x2k4p:8000"),
        ("CHAT-A", "chat-a:80", "chat-b"),
    ],
)
def test_neighbours_among_instances_differ(name: str, like: str, unlike: str) -> None:
    """The hue of an instance comes from its name before the port, the same on all panels."""
    panel = Panel(
        title="By instance",
        kind="timeseries",
        unit="count",
        description="Each instance.",
        queries=(Query(expr="x", legend="{{instance}}"),),
        width=8,
        height=8,
    )
    overrides = visual(panel, (), "uid", ())["fieldConfig"]["overrides"]

    def hues(instance: str) -> list[str]:
        return [
            override["properties"][0]["value"]["fixedColor"]
            for override in overrides
            if re.search(override["matcher"]["options"][1:-2], instance, re.IGNORECASE)
        ]

    assert len(hues(name)) == 1
    assert hues(name) == hues(like) != hues(unlike)
