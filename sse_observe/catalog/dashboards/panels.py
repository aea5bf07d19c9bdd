"""The shapes that the boards are made of, each with the size it has on all of them."""

from functools import partial
from typing import Any, Literal

from sse_observe.catalog.model import Panel, Query, Row

Kind = Literal["timeseries", "stat", "gauge", "heatmap", "bargauge", "table"]


def _panel(
    kind: Kind,
    size: tuple[int, int],
    title: str,
    unit: str,
    description: str,
    *queries: Query,
    **more: Any,
) -> Panel:
    sizes = {"width": size[0], "height": size[1]}
    facts = {"title": title, "unit": unit, "description": description, "queries": queries}
    return Panel(**{"kind": kind, **sizes, **facts, **more})


# Six numbers make a first row of 24 columns; three graphs make a stage.
stat = partial(_panel, "stat", (4, 5))
gauge = partial(_panel, "gauge", (4, 5))
lines = partial(_panel, "timeseries", (8, 8))
heatmap = partial(_panel, "heatmap", (8, 8))
bargauge = partial(_panel, "bargauge", (8, 8))
table = partial(_panel, "table", (24, 7))


def stage(title: str, *panels: Panel) -> Row:
    """Return an open row; the first of a board has no title and answers its question."""
    return Row(title=title, panels=panels)


def depth(title: str, *panels: Panel) -> Row:
    """Return a collapsed row: asked only when somebody opens it."""
    return Row(title=title, panels=panels, collapsed=True)


def per_instance(*panels: Panel) -> Row:
    """Return the one row that reads raw series, of the instances that the reader chose."""
    return depth("Per instance (raw series of those chosen in “Instance”)", *panels)
