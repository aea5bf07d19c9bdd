"""Colours of names: an enum is coloured whole, and kinds of fault are told apart."""

import re

import pytest

from sse_observe.catalog.dashboards import BOARDS
from sse_observe.catalog.dashboards.colours import FAULT_COLOURS, PLACE_COLOURS
from sse_observe.catalog.model import Panel
from sse_observe.metrics import METRICS

PANELS = [
    pytest.param(panel, id=f"{board.name}-{panel.title}")
    for board in BOARDS
    for row in board.rows
    for panel in row.panels
    if panel.colours
]


@pytest.mark.parametrize("panel", PANELS)
def test_enums_are_coloured_whole(panel: Panel) -> None:
    """Where a legend is an enum of ours and has colours, each of its values has one."""
    for query in panel.queries:
        excluded = re.findall(r'!~"([^"]*)"', query.expr)
        left_out = set(excluded[-1].split("|")) if excluded else set()
        known = {
            value
            for metric in METRICS.values()
            if metric.name.removesuffix("_total") in query.expr
            for value in metric.labels.get(query.label or "", ())
        }
        if known:
            assert known - left_out <= panel.colours.keys()


@pytest.mark.parametrize("colours", [FAULT_COLOURS, PLACE_COLOURS])
def test_kinds_of_fault_have_a_colour_each(colours: dict[str, str]) -> None:
    """Two faults on one graph never share a colour."""
    assert len(colours) == len(set(colours.values())) > 1
