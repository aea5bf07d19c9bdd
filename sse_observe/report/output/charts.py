"""
Panels as charts: figures of plotly.js, coloured as on the boards.

Knows panels and their lines; draws nothing itself.
"""

import math
import re
from typing import NamedTuple

from sse_observe.catalog.model import Colour, Panel
from sse_observe.render.limits import Limit, colour_at, judged, soft_top
from sse_observe.render.palette import HUES, LINE_WIDTHS, NAME_HUES, NAMED
from sse_observe.report.findings.panels import Line, PanelView
from sse_observe.report.output.figure import (
    INK,
    JSON,
    SEVERITY_HUES,
    Figure,
    Trace,
    milliseconds,
    plotly_text,
)
from sse_observe.report.query.answer import Series
from sse_observe.report.units import format_value
from sse_observe.report.window import Window


class LineStyle(NamedTuple):
    """How the line of a name looks."""

    colour: str
    dash: str


# Twenty-eight names look different; of more nobody follows one by its colour.
_DASHES = ("solid", "dash", "dot", "dashdot")
# d3 formats and what follows the number. Without a format plotly writes 0.2 and 20k; those of d3
# that have prefixes would write 200m.
_FORMATS = {
    "ratio": (".3~%", ""),
    "percent": (".4~r", " %"),
    "seconds": (".3~r", " s"),
    "bytes": ("", "B"),
    "bytes/s": ("", "B/s"),
    "operations/s": ("", "/s"),
    "requests/s": ("", "/s"),
    "events/s": ("", "/s"),
    "per minute": ("", "/min"),
}
# Of a heatmap; white is nothing.
_SHADES = [[0, "#f4f0fc"], [0.25, HUES["p50"]], [0.6, HUES["p95"]], [1, "#3d1f80"]]
_BOUND = re.compile(r"[+]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)")


class NameStyles:
    """The looks of names: a route, a segment, a job has the same in every chart."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {}

    def of(self, kind: str, name: str) -> LineStyle:
        """Return the look of a name among its kind."""
        numbers = self._numbers.setdefault(kind, {})
        turn, index = divmod(numbers.setdefault(name, len(numbers)), len(NAME_HUES))
        return LineStyle(NAME_HUES[index], _DASHES[turn % len(_DASHES)])


def panel_chart(view: PanelView, window: Window, styles: NameStyles) -> Figure | None:
    """Return the chart of a panel; None for one that is shown as numbers or a table, or empty."""
    panel = view.panel
    if not view.lines or panel.kind in ("stat", "gauge", "table"):
        return None
    if panel.kind == "heatmap":
        return _heatmap(view, window)
    if panel.kind == "bargauge":
        return _bar_gauge(view)
    traces = [_trace(panel, line, window, _style(panel, line, styles)) for line in view.lines]
    layout: JSON = {
        "yaxis": _value_axis(view),
        "shapes": [_threshold(limit) for limit in view.limits if limit.value],
        "showlegend": any(line.name for line in view.lines),
    }
    if panel.bars:
        layout["barmode"] = "stack" if panel.stacked else "group"
    return {"data": traces, "layout": layout}


def buckets(view: PanelView) -> list[tuple[float, Series]]:
    """Return a heatmap's series by their upper bound, in order."""
    found = {
        float(bound): line.series
        for line in view.lines
        if _BOUND.fullmatch(bound := line.series.labels.get("le", ""))
    }
    return sorted(found.items())


def _trace(panel: Panel, line: Line, window: Window, style: LineStyle) -> Trace:
    values = _grid(line.series, window)
    trace: Trace = {
        "name": plotly_text(line.name or panel.title),
        "x0": milliseconds(window.start),
        "dx": milliseconds(window.step),
        "y": values,
    }
    if panel.bars:
        return trace | {"type": "bar", "marker": {"color": style.colour}}
    drawn: JSON = {"color": style.colour, "width": LINE_WIDTHS[panel.queries[line.query].weight]}
    if style.dash != "solid":
        drawn["dash"] = style.dash
    trace |= {"type": "scatter", "mode": "lines", "line": drawn}
    if panel.stacked:
        # A gap in one of a stack is nothing, or those above it would fall.
        trace["stackgroup"] = "one"
        drawn["width"] = 0.5
    elif sum(value is not None for value in values) < 3:
        trace["mode"] = "lines+markers"
    return trace


def _style(panel: Panel, line: Line, styles: NameStyles) -> LineStyle:
    """Return how a line looks: as the board means it, or as its name does everywhere."""
    named = _named_colour(panel, line.name)
    if named is not None:
        return LineStyle(_hue(named), "solid")
    label = panel.queries[line.query].label
    if "" in panel.colours and label not in NAMED:
        return LineStyle(_hue(panel.colours[""]), "solid")
    if not line.name:
        return LineStyle(HUES["client"], "solid")
    return styles.of(label if label in NAMED else panel.title, line.name)


def _named_colour(panel: Panel, name: str) -> Colour | None:
    """Return the colour that a panel gives to a name, if it gives one."""
    for series, colour in panel.colours.items():
        pattern = series.startswith("/") and len(series) > 1
        if series and (re.search(series.strip("/"), name) if pattern else series == name):
            return colour
    return None


def _hue(colour: Colour) -> str:
    return HUES.get(colour, INK)


def _grid(series: Series, window: Window) -> list[float | None]:
    """Return a value, or none, for each point of the window."""
    values: list[float | None] = [None] * window.points
    for at, value in series.points:
        index = window.index_of(at)
        if index is not None:
            values[index] = _short(value)
    return values


def _short(value: float) -> float:
    """Return a number with as many digits as a chart can show."""
    rounded = float(f"{value:.4g}")
    return int(rounded) if rounded == int(rounded) and abs(rounded) < 1e15 else rounded


def _value_axis(view: PanelView) -> JSON:
    panel = view.panel
    axis = _number_format(panel)
    if panel.minimum is not None and panel.soft_minimum is None:
        axis["rangemode"] = "tozero"
    # An axis that begins where its values are must not reach down to a soft top.
    reached = panel.soft_minimum
    if reached is None and panel.minimum is not None:
        reached = soft_top(panel, view.limits)
    if reached is not None:
        axis["autorangeoptions"] = {"include": [reached]}
    return axis


def _number_format(panel: Panel) -> JSON:
    shape, suffix = _FORMATS.get(panel.unit, ("", ""))
    how = {"tickformat": shape, "hoverformat": shape} if shape else {"exponentformat": "SI"}
    return {**how, "ticksuffix": suffix}


def _threshold(limit: Limit) -> JSON:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": limit.value,
        "y1": limit.value,
        "line": {"width": 1.5, "dash": "dash", "color": SEVERITY_HUES[limit.severity]},
    }


def _heatmap(view: PanelView, window: Window) -> Figure:
    below: list[float | None] = [0.0] * window.points
    rows, names = [], []
    for bound, series in buckets(view):
        grid = _grid(series, window)
        # Prometheus' buckets hold all that is below; a cell is what lies in between.
        rows.append(
            [
                _short(max(0.0, y - (b or 0.0))) or None if y is not None else None
                for y, b in zip(grid, below, strict=True)
            ]
        )
        below = [y if y is not None else b for y, b in zip(grid, below, strict=True)]
        names.append(f"≤ {format_value(bound, view.panel.unit)}" if bound != math.inf else "more")
    return {
        "data": [
            {
                "type": "heatmap",
                "x0": milliseconds(window.start),
                "dx": milliseconds(window.step),
                "y": names,
                "z": rows,
                "colorscale": _SHADES,
                "showscale": False,
                "ygap": 1,
                "hovertemplate": "%{x|%H:%M:%S} %{y}: %{z:.3~r}/s<extra></extra>",
            }
        ],
        "layout": {"yaxis": {"type": "category", "automargin": True}, "hovermode": "closest"},
    }


def _bar_gauge(view: PanelView) -> Figure:
    panel, steps = view.panel, judged(view.panel, view.limits)
    lines = sorted(view.lines, key=lambda line: line.series.last)
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": [_short(line.series.last) for line in lines],
                "y": [plotly_text(line.name or panel.title) for line in lines],
                "marker": {
                    "color": [
                        _hue(_named_colour(panel, one.name) or colour_at(steps, one.series.last))
                        for one in lines
                    ]
                },
                "hovertemplate": "%{x}<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {**_number_format(panel), "type": "linear"},
            "yaxis": {"type": "category", "automargin": True},
            "showlegend": False,
            "hovermode": "closest",
            "over_time": False,
        },
    }
