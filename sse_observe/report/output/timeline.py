"""
Alerts and process starts over time: as a chart of its own, and behind every other chart.

Knows episodes and process starts; knows no panel.
"""

from collections.abc import Iterable

from sse_observe.render.palette import HUES
from sse_observe.report.findings.episodes import Episode
from sse_observe.report.findings.process_starts import ProcessStart
from sse_observe.report.output.figure import (
    INK,
    JSON,
    SEVERITY_HUES,
    Figure,
    milliseconds,
    plotly_text,
)
from sse_observe.report.window import Window


def timeline(episodes: Iterable[Episode], window: Window) -> Figure:
    """Return what fired as bars over time, the first of them on top."""
    shown = [episode for episode in episodes if episode.fired]
    names = [episode_label(episode) for episode in shown]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "base": [milliseconds(one.start) for one in shown],
                # A bar of nothing would not be seen.
                "x": [milliseconds(max(one.seconds, window.step / 2)) for one in shown],
                "y": [plotly_text(name) for name in names],
                "marker": {"color": [SEVERITY_HUES.get(one.severity, INK) for one in shown]},
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


def episode_label(episode: Episode) -> str:
    """Name an episode by its alert, windows and place."""
    labels = episode.labels
    windows = "/".join(labels[key] for key in ("long", "short") if key in labels)
    place = [labels[k] for k in ("route", "network_type", "limit", "fault", "where") if k in labels]
    where = place or [labels.get("job", "")]
    return " ".join([episode.alert, *([windows] if windows else []), *where])


def background(
    episodes: Iterable[Episode], starts: Iterable[ProcessStart], window: Window
) -> list[JSON]:
    """Return the shapes behind every chart over time: when alerts fired, when processes started."""
    fired = sorted((max(one.start, window.start), one.end) for one in episodes if one.fired)
    shaded: JSON = {
        "type": "rect",
        "fillcolor": HUES["bad"],
        "opacity": 0.08,
        "line": {"width": 0},
        "layer": "below",
    }
    dotted: JSON = {
        "type": "line",
        "line": {"width": 1, "dash": "dot", "color": HUES["calm"]},
    }
    return [
        *(_over_full_height(start, end) | shaded for start, end in _merged(fired)),
        *(_over_full_height(start.at, start.at) | dotted for start in starts),
    ]


def _over_full_height(start: float, end: float) -> JSON:
    return {
        "xref": "x",
        "yref": "paper",
        "x0": milliseconds(start),
        "x1": milliseconds(end),
        "y0": 0,
        "y1": 1,
    }


def _merged(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join spans that touch; they come sorted."""
    merged: list[tuple[float, float]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
