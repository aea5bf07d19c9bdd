"""
Panels as figures of plotly.js: plain data, coloured as on the boards.

Knows plotly's format; draws nothing itself. Text becomes safe for plotly here, which reads tags.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sse_observe.catalog.model import Colour, Panel
from sse_observe.render.limits import Limit
from sse_observe.render.palette import HUES, LINE_WIDTHS, NAME_HUES, NAMED, SEVERITY_COLOURS
from sse_observe.report.findings.episodes import Episode
from sse_observe.report.findings.panels import Line, View
from sse_observe.report.findings.worst_minutes import Start
from sse_observe.report.output.html import visible
from sse_observe.report.query.answer import Series
from sse_observe.report.query.window import Window
from sse_observe.report.units import said

JSON = dict[str, Any]

_INK = "#1f2328"
_SEVERITY: dict[str, str] = {name: HUES[colour] for name, colour in SEVERITY_COLOURS.items()}
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


class Hues:
    """The colours of names: a route, a segment, a job has the same in every plot."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {}

    def of(self, kind: str, name: str) -> tuple[str, str]:
        """Return a name's colour among its kind, and how its line is drawn."""
        numbers = self._numbers.setdefault(kind, {})
        turn, place = divmod(numbers.setdefault(name, len(numbers)), len(NAME_HUES))
        return NAME_HUES[place], _DASHES[turn % len(_DASHES)]


def figure(view: View, window: Window, hues: Hues) -> JSON | None:
    """Return a panel's `data` and `layout`; None for one that is shown as numbers or a table."""
    panel = view.panel
    if not view.lines or panel.kind in ("stat", "gauge", "table"):
        return None
    if panel.kind == "heatmap":
        return _heatmap(view, window)
    if panel.kind == "bargauge":
        return _bars(view)
    traces = [_trace(panel, line, window, _hue(panel, line, hues)) for line in view.lines]
    layout: JSON = {
        "yaxis": _axis(panel),
        "shapes": [_threshold(limit) for limit in view.limits if limit.value],
        "showlegend": any(line.name for line in view.lines),
    }
    if panel.bars:
        layout["barmode"] = "stack" if panel.stacked else "group"
    return {"data": traces, "layout": layout}


def timeline(episodes: Sequence[Episode], window: Window) -> JSON:
    """Return what fired as bars over time, the first of them on top."""
    shown = [episode for episode in episodes if episode.fired]
    names = [label_of(episode) for episode in shown]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "base": [round(1000 * one.start) for one in shown],
                # A bar of nothing would not be seen.
                "x": [round(1000 * max(one.seconds, window.step / 2)) for one in shown],
                "y": [plain(name) for name in names],
                "marker": {"color": [_SEVERITY.get(one.severity, _INK) for one in shown]},
                "hovertemplate": "%{y}<extra></extra>",
            }
        ],
        "layout": {
            # Names take half of the width.
            "xaxis": {"nticks": 3},
            "yaxis": {"autorange": "reversed", "automargin": True},
            "height": 90 + 26 * len(set(names)),
            "showlegend": False,
            "hovermode": "closest",
        },
    }


def label_of(episode: Episode) -> str:
    """Name an episode by its alert, windows and place."""
    labels = episode.labels
    pair = "/".join(labels[key] for key in ("long", "short") if key in labels)
    place = [labels[k] for k in ("route", "network_type", "limit", "fault", "where") if k in labels]
    return " ".join([episode.alert, *([pair] if pair else []), *(place or [labels.get("job", "")])])


def marks(episodes: Iterable[Episode], starts: Iterable[Start], window: Window) -> list[JSON]:
    """Return what stands behind every plot over time: when alerts fired, when processes started."""
    drawn = []
    for start, end in _merged(
        sorted((max(one.start, window.start), one.end) for one in episodes if one.fired)
    ):
        drawn.append(
            {
                "type": "rect",
                "xref": "x",
                "yref": "paper",
                "x0": round(1000 * start),
                "x1": round(1000 * end),
                "y0": 0,
                "y1": 1,
                "fillcolor": HUES["bad"],
                "opacity": 0.08,
                "line": {"width": 0},
                "layer": "below",
            }
        )
    drawn += [
        {
            "type": "line",
            "xref": "x",
            "yref": "paper",
            "x0": round(1000 * start.at),
            "x1": round(1000 * start.at),
            "y0": 0,
            "y1": 1,
            "line": {"width": 1, "dash": "dot", "color": HUES["calm"]},
        }
        for start in starts
    ]
    return drawn


def _merged(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def thinned(figures: Iterable[JSON]) -> None:
    """Leave out every second point of every series, in place."""
    for trace in (trace for drawn in figures for trace in drawn["data"] if "dx" in trace):
        trace["dx"] *= 2
        if trace["type"] == "heatmap":
            trace["z"] = [row[::2] for row in trace["z"]]
        else:
            trace["y"] = trace["y"][::2]


def plain(words: str) -> str:
    """Return text that plotly shows as it is: no tag, no link, no entity in it."""
    shown = visible(words).replace("\n", " ")
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _trace(panel: Panel, line: Line, window: Window, look: tuple[str, str]) -> JSON:
    hue, dash = look
    trace: JSON = {
        "name": plain(line.name or panel.title),
        "x0": round(1000 * window.start),
        "dx": round(1000 * window.step),
        "y": _grid(line.series, window),
    }
    if panel.bars:
        return trace | {"type": "bar", "marker": {"color": hue}}
    width = LINE_WIDTHS[panel.queries[line.query].weight]
    trace |= {"type": "scatter", "mode": "lines", "line": {"color": hue, "width": width}}
    if dash != "solid":
        trace["line"]["dash"] = dash
    if panel.stacked:
        # A gap in one of a stack is nothing, or those above it would fall.
        trace["stackgroup"] = "one"
        trace["line"]["width"] = 0.5
    elif sum(y is not None for y in trace["y"]) < 3:
        trace["mode"] = "lines+markers"
    return trace


def _hue(panel: Panel, line: Line, hues: Hues) -> tuple[str, str]:
    """Return a line's colour and dash: what the board means by it, or that of its name."""
    for series, meaning in panel.colours.items():
        pattern = series.startswith("/") and len(series) > 1
        if series and (re.search(series.strip("/"), line.name) if pattern else series == line.name):
            return _ink(meaning), "solid"
    if "" in panel.colours and panel.queries[line.query].label not in NAMED:
        return _ink(panel.colours[""]), "solid"
    if not line.name:
        return HUES["client"], "solid"
    label = panel.queries[line.query].label
    return hues.of(label if label in NAMED else panel.title, line.name)


def _ink(colour: Colour) -> str:
    return HUES.get(colour, _INK)


def _grid(series: Series, window: Window) -> list[float | None]:
    values: list[float | None] = [None] * window.points
    for at, value in series.points:
        place = window.place(at)
        if place is not None:
            values[place] = short(value)
    return values


def short(value: float) -> float:
    """Return a number with as many digits as a plot can show."""
    rounded = float(f"{value:.4g}")
    return int(rounded) if rounded == int(rounded) and abs(rounded) < 1e15 else rounded


def _axis(panel: Panel) -> JSON:
    axis = _numbers(panel)
    if panel.minimum is not None and panel.soft_minimum is None:
        axis["rangemode"] = "tozero"
    return axis


def _numbers(panel: Panel) -> JSON:
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
        "line": {"width": 1.5, "dash": "dash", "color": _SEVERITY[limit.severity]},
    }


def bounds(view: View) -> list[tuple[float, Series]]:
    """Return a heatmap's series by their upper bound, in order."""
    found: Mapping[float, Series] = {
        float(line.series.labels["le"]): line.series
        for line in view.lines
        if re.fullmatch(
            r"[+]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)", line.series.labels.get("le", "")
        )
    }
    return sorted(found.items())


def _heatmap(view: View, window: Window) -> JSON:
    below: list[float | None] = [0.0] * window.points
    rows, names = [], []
    for bound, series in bounds(view):
        grid = _grid(series, window)
        # Prometheus' buckets hold all that is below; a cell is what lies in between.
        rows.append(
            [
                short(max(0.0, y - (b or 0.0))) or None if y is not None else None
                for y, b in zip(grid, below, strict=True)
            ]
        )
        below = [y if y is not None else b for y, b in zip(grid, below, strict=True)]
        names.append(f"≤ {said(bound, view.panel.unit)}" if bound != math.inf else "more")
    return {
        "data": [
            {
                "type": "heatmap",
                "x0": round(1000 * window.start),
                "dx": round(1000 * window.step),
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


def _bars(view: View) -> JSON:
    lines = sorted(view.lines, key=lambda line: line.series.last)
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": [short(line.series.last) for line in lines],
                "y": [plain(line.name or view.panel.title) for line in lines],
                "marker": {"color": HUES["warn"]},
                "hovertemplate": "%{x}<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {**_numbers(view.panel), "type": "linear", "range": None},
            "yaxis": {"type": "category", "automargin": True},
            "showlegend": False,
            "hovermode": "closest",
            "over_time": False,
        },
    }
