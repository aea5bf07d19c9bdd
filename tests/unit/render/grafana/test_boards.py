"""Dashboard files: addresses, places, variables and queries, under any settings."""

import itertools

import pytest

from sse_observe.catalog.model import Alert
from sse_observe.render.banner import MARK
from sse_observe.render.grafana.boards import render_boards
from sse_observe.render.settings import AlertSettings, Settings
from sse_observe.render.tuning import tune
from tests.support.grafana_lint import panels, targets
from tests.support.rendered import BOARDS, CATALOG, JSON, boards, panel, steps


def test_rendering_twice_gives_the_same_bytes() -> None:
    """A diff in review is a change that somebody made."""
    settings = Settings()

    first, second = (render_boards(tune(CATALOG, settings), settings) for _ in range(2))

    assert first == second
    assert all(text.endswith("}\n") for text in first.values())


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_has_its_fixed_address_and_our_banner(name: str) -> None:
    """Links in alerts point at the uid; the banner says where to make a change."""
    board = BOARDS[name]

    assert f"sse-{name}" == board["uid"]
    assert MARK in board["description"]
    assert (board["graphTooltip"], board["refresh"], board["schemaVersion"]) == (1, "30s", 39)


@pytest.mark.parametrize("name", BOARDS)
def test_ids_are_unique_and_follow_the_title(name: str) -> None:
    """A link to a panel survives a new neighbour: its id comes from its title alone."""
    board = BOARDS[name]
    ids = [one["id"] for one in (*board["panels"], *panels(board))]
    own = {(one["id"], one["title"]) for one in (*board["panels"], *panels(board))}

    assert len(own) == len({number for number, _ in own})
    assert all(0 < number < 2**31 for number in ids)


def cells(one: JSON) -> set[tuple[int, int]]:
    place = one["gridPos"]
    columns = range(place["x"], place["x"] + place["w"])
    return set(itertools.product(columns, range(place["y"], place["y"] + place["h"])))


@pytest.mark.parametrize("name", BOARDS)
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


@pytest.mark.parametrize("alert", CATALOG.alerts, ids=lambda alert: alert.name)
def test_every_alert_has_its_line_on_its_own_board(alert: Alert) -> None:
    """An alert's link leads to a dashboard that shows its signal and threshold."""
    links = [link["title"] for one in panels(BOARDS[alert.dashboard]) for link in one["links"]]

    assert f"Runbook: {alert.name}" in links


def test_a_users_threshold_moves_the_line_and_the_stat() -> None:
    """A tuned threshold is on the board too, without another change."""
    tuned = boards(alerts={"SSEHighReconnectLatency": AlertSettings(threshold=0.2)})

    for board, title in (
        ("stream-health", "Slow reconnects"),
        ("network-quality", "Slow reconnects"),
        ("network-quality", "Reconnects over 5 s"),
    ):
        assert 0.2 in [step["value"] for step in steps(panel(board, title, tuned))]


def test_a_disabled_alert_leaves_no_line_and_no_link() -> None:
    """An alert that cannot fire is not drawn."""
    quiet = boards(alerts={"SSEHighReconnectLatency": AlertSettings(enabled=False)})

    shown = panel("network-quality", "Slow reconnects", quiet)

    assert [s["value"] for s in steps(shown)] == [None]
    assert shown["links"] == []
    assert "SSEHighReconnectLatency" not in shown["description"]


def test_a_grouping_label_becomes_a_variable_of_every_selector() -> None:
    """A reader narrows the board to one cluster, as to one job or route."""
    grouped = boards(group_by=("cluster",))["stream-health"]

    names = [variable["name"] for variable in grouped["templating"]["list"]]

    assert names == ["datasource", "job", "cluster", "route", "instance"]
    for one, target in targets(grouped):
        narrowed = target["expr"].count('cluster=~"$cluster"')
        assert narrowed == target["expr"].count('job=~"$job"'), one["title"]


def test_the_selector_of_the_settings_is_on_raw_series() -> None:
    """Per instance rows read raw series, so they need what the rules need."""
    one = panel(
        "stream-health",
        "Active streams by instance",
        boards(selector='env="prod"')["stream-health"] and boards(selector='env="prod"'),
    )

    assert 'env="prod"' in one["targets"][0]["expr"]


def test_lost_in_this_range_counts_by_the_rules_own_interval() -> None:
    """A recorded rate is a sample for each evaluation: the sum times the interval is the count."""
    defaults = panel("stream-health", "Message loss")
    faster = panel("stream-health", "Message loss", boards(rule_interval="10s", time_scale=2.0))

    assert defaults["targets"][0]["expr"].endswith("[$__range])) * 30")
    assert faster["targets"][0]["expr"].endswith("[$__range])) * 5")
    assert (defaults["interval"], faster["interval"]) == ("30s", "5s")


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
    """Open rows read signals, which know no instance; raw series stand in a collapsed row."""
    for board in BOARDS.values():
        for one in board["panels"]:
            for target in one.get("targets", []):
                assert "$instance" not in target["expr"]
        last = board["panels"][-1]
        assert last["collapsed"]
        assert "chosen in “Instance”" in last["title"]
        assert all("$instance" in t["expr"] for p in last["panels"] for t in p["targets"])
