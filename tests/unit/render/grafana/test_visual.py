"""Links of a panel: a click on a route or an instance narrows the board to it."""

import re

import pytest

from tests.support.grafana_lint import panels
from tests.support.rendered import BOARDS, JSON, boards


def narrowing(board: JSON) -> list[str]:
    """Return the addresses that a click on a route or an instance leads to."""
    configs = [one["fieldConfig"] for one in panels(board)]
    links = [link for config in configs for link in config["defaults"].get("links", [])]
    for config in configs:
        properties = [one for override in config["overrides"] for one in override["properties"]]
        links += [link for one in properties if one["id"] == "links" for link in one["value"]]
    return [link["url"] for link in links]


@pytest.mark.parametrize("labels", [(), ("cluster",), ("cluster", "namespace")])
@pytest.mark.parametrize("name", BOARDS)
def test_a_click_narrows_the_board_and_forgets_nothing(name: str, labels: tuple[str, ...]) -> None:
    """Whoever looks at one cluster and clicks a route stays in that cluster, on that board."""
    board = boards(group_by=labels)[name]
    variables = [one["name"] for one in board["templating"]["list"] if one["name"] != "instance"]

    for url in narrowing(board):
        path, _, query = url.partition("?")
        named = re.findall(r"\$\{(\w+):queryparam\}", query)
        (chosen,) = re.findall(r"var-(\w+)=\$\{[\w.]+:percentencode\}", query)
        assert path == f"/d/{board['uid']}"
        assert [*named, chosen] == [*(one for one in variables if one != chosen), chosen]
        assert "${__url_time_range}" in query
    assert len(narrowing(board)) > 5
