"""Whoever evaluates: every query of boards and rules is answered, and the laws hold."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sse_observe.lab.programs.prometheus import Prometheus
from sse_observe.render.grafana.boards import render_boards
from sse_observe.render.settings import Settings
from sse_observe.render.targets.victoriametrics import metricsql
from tests.support import grafana_lint as lint
from tests.support.judgement import (
    CATALOG,
    END,
    Ruled,
    World,
    evaluated,
    judge_service,
    judge_signal,
)
from tests.support.programs import needs, needs_newer
from tests.support.services import CASES
from tests.support.victoria import Victoria

pytestmark = pytest.mark.slow

BOARDS = {
    name: json.loads(text) for name, text in sorted(render_boards(CATALOG, Settings()).items())
}
WORDS = {"__range": f"{END}s", "__rate_interval": "1m"}


def prometheus(program: str, folder: Path) -> Prometheus:
    return Prometheus(folder, targets={}, program=program)


def victoria(program: str, folder: Path) -> Victoria:
    return Victoria(folder, program=program)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((prometheus, needs, "prometheus"), id="prometheus"),
        pytest.param((prometheus, needs_newer, "prometheus"), id="prometheus 3"),
        pytest.param((victoria, needs, "victoria-metrics"), id="victoriametrics"),
        pytest.param((victoria, needs_newer, "victoria-metrics"), id="newer victoriametrics"),
    ],
)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Return what one evaluator makes of all services, by the rules that are written for it."""
    server, found, program = request.param
    ruled = Ruled(Settings())
    if server is victoria:
        ruled.recorded = {name: metricsql(expr) for name, expr in ruled.recorded.items()}
    with server(found(program), tmp_path_factory.mktemp("evaluator")) as api:
        yield evaluated(api, ruled=ruled)


def test_every_query_of_a_board_has_an_answer(world: World) -> None:
    """A renamed signal or label would leave a panel empty, and nobody would see that it is."""
    history = world.history
    begin, end = history.start + END - 600, history.start + END
    mute = []
    for name, board in BOARDS.items():
        for panel, target in lint.targets(board):
            expr = re.sub(r"\$(\w+)", lambda word: WORDS.get(word[1], ".+"), target["expr"])
            if target["instant"]:
                answer = history.api.get("query", query=expr, time=end)["result"]
                series = [[row["value"]] for row in answer]
            else:
                found = history.api.get("query_range", query=expr, start=begin, end=end, step=60)
                series = [row["values"] for row in found["result"]]
            if not any(math.isfinite(float(value)) for points in series for _, value in points):
                mute.append(f"{name}: {panel['title']}: {expr}")

    assert mute == []


def test_signals_obey_the_laws_and_services_raise_their_alerts(world: World) -> None:
    """Rules mean there what they mean on the Prometheus that they were written on."""
    for record, series in world.recorded.items():
        judge_signal(record, series, world)
    for job in CASES:
        judge_service(job, world.fired)
