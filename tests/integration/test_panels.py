"""Every query of every panel, asked of a real Prometheus that has seen every fault."""

import json
import math
import re

import pytest

from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.render.grafana.boards import render_boards
from sse_observe.render.settings import Settings
from tests.support import grafana_lint as lint
from tests.support.judgement import CATALOG, END, evaluated

pytestmark = pytest.mark.slow

BOARDS = {
    name: json.loads(text) for name, text in sorted(render_boards(CATALOG, Settings()).items())
}
WORDS = {"__range": f"{END}s", "__rate_interval": "1m"}


@pytest.mark.parametrize("name", BOARDS)
def test_every_query_of_a_board_has_an_answer(prometheus: Prometheus, name: str) -> None:
    """A renamed signal or label would leave a panel empty, and nobody would see that it is."""
    history = evaluated(prometheus).history
    begin, end = history.start + END - 600, history.start + END
    mute = []
    for panel, target in lint.targets(BOARDS[name]):
        expr = re.sub(r"\$(\w+)", lambda word: WORDS.get(word[1], ".+"), target["expr"])
        if target["instant"]:
            series = [
                [row["value"]] for row in prometheus.get("query", query=expr, time=end)["result"]
            ]
        else:
            found = prometheus.get("query_range", query=expr, start=begin, end=end, step=60)
            series = [row["values"] for row in found["result"]]
        if not any(math.isfinite(float(value)) for points in series for _, value in points):
            mute.append(f"{panel['title']}: {expr}")

    assert mute == []
