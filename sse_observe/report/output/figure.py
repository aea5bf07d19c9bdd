"""
Figures of plotly.js as plain data: their types, and text, times and colours as it wants them.

Knows plotly's format; draws nothing itself. Text becomes safe for plotly here, which reads tags.
"""

from collections.abc import Iterable, Sequence
from typing import TypedDict

from sse_observe.render import palette
from sse_observe.report.output.markup import visible

INK = "var(--ink)"
"""The colour of the page's text; the script that draws knows it."""
SEVERITY_HUES: dict[str, str] = {
    severity: palette.HUES[colour] for severity, colour in palette.SEVERITY_COLOURS.items()
}

JSON = dict[str, object]


class Trace(TypedDict, total=False):
    """One thing that plotly draws: a line, a row of bars, a heatmap."""

    type: str
    name: str
    mode: str
    x0: int
    dx: int
    x: Sequence[float]
    y: Sequence[float | None] | Sequence[str]
    z: Sequence[Sequence[float | None]]
    base: Sequence[int]
    orientation: str
    stackgroup: str
    line: JSON
    marker: JSON
    colorscale: Sequence[Sequence[object]]
    showscale: bool
    ygap: int
    hovertemplate: str


class Figure(TypedDict):
    """One chart of plotly."""

    data: list[Trace]
    layout: JSON


def milliseconds(seconds: float) -> int:
    """Return Unix time as plotly takes it."""
    return round(1000 * seconds)


def thin_out(figures: Iterable[Figure]) -> None:
    """Leave out every second point of every series, in place."""
    for trace in (trace for figure in figures for trace in figure["data"] if "dx" in trace):
        trace["dx"] *= 2
        if "z" in trace:
            trace["z"] = [row[::2] for row in trace["z"]]
        else:
            trace["y"] = trace["y"][::2]


def plotly_text(words: str) -> str:
    """Return text that plotly shows as it is: no tag, no link, no entity in it."""
    shown = visible(words).replace("\n", " ")
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
