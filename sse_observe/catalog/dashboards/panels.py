"""The shapes that the boards are made of, each with the size it has on all of them."""

from collections.abc import Mapping
from functools import partial
from typing import TypedDict, Unpack

from sse_observe.catalog.model import Colour, Kind, Panel, Query, Row, Step, Unit

NO_REPORTS = "No client reports"
NO_TCP = "No TCP facts (tcp_info is off)"
NO_RESUMES = "No resumes"
NO_PROBES = "No probes"


class Options(TypedDict, total=False):
    """The fields of a panel that most panels leave at their defaults."""

    width: int
    height: int
    decimals: int | None
    minimum: float | None
    maximum: float | None
    soft_minimum: float | None
    no_value: str
    stacked: bool
    bars: bool
    colours: Mapping[str, Colour]
    columns: Mapping[str, str]
    steps: tuple[Step, ...]


def _panel(
    kind: Kind,
    size: tuple[int, int],
    title: str,
    unit: Unit,
    description: str,
    *queries: Query,
    **options: Unpack[Options],
) -> Panel:
    width, height = size
    sized: Options = {"width": width, "height": height, **options}
    return Panel(
        kind=kind, title=title, unit=unit, description=description, queries=queries, **sized
    )


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
