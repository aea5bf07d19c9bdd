"""Lines and bars over time: Grafana's `timeseries`."""

from collections.abc import Sequence

from sse_observe.catalog.model import Colour, Panel
from sse_observe.render.grafana.fields import (
    JSON,
    colour_overrides,
    field_config,
    fixed,
    override,
)
from sse_observe.render.grafana.vocabulary import hue, ref_id
from sse_observe.render.limits import Limit, Steps, soft_top
from sse_observe.render.palette import LINE_WIDTHS, NAME_HUES, NAMED, SEVERITY_COLOURS

# Names of instances have the same length and differ at their end, before the port.
_ENDS = "0123456789abcdefghijklmnopqrstuvwxyz"


def timeseries(panel: Panel, limits: Sequence[Limit]) -> JSON:
    """Return `type`, `fieldConfig` and `options` of a graph."""
    # A threshold of zero would lie on the axis.
    lines = [limit for limit in limits if limit.value]
    return {
        "type": "timeseries",
        "fieldConfig": field_config(
            panel,
            steps=_steps(lines),
            colour=_colour(panel),
            custom=_custom(panel, lines),
            overrides=_overrides(panel),
        ),
        "options": {
            "legend": {
                "displayMode": "list",
                "placement": "bottom",
                "showLegend": any(query.legend for query in panel.queries),
                "calcs": [],
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }


def _steps(lines: Sequence[Limit]) -> Steps:
    drawn: list[tuple[float, Colour]] = [
        (line.value, SEVERITY_COLOURS[line.severity]) for line in lines
    ]
    return [(None, "plain"), *sorted(drawn)]


def _custom(panel: Panel, lines: Sequence[Limit]) -> JSON:
    filled = panel.stacked or panel.bars
    return {
        "drawStyle": "bars" if panel.bars else "line",
        "lineInterpolation": "linear",
        "lineWidth": 0 if filled else LINE_WIDTHS["normal"],
        "fillOpacity": 80 if panel.bars else 70 if panel.stacked else 0,
        "gradientMode": "none",
        "barAlignment": 0,
        "showPoints": "never" if filled else "auto",
        "pointSize": 4,
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        "scaleDistribution": {"type": "linear"},
        "axisPlacement": "auto",
        "axisLabel": "",
        "axisSoftMin": panel.soft_minimum,
        "axisSoftMax": soft_top(panel, lines),
        "hideFrom": {"legend": False, "tooltip": False, "viz": False},
        "thresholdsStyle": {"mode": "dashed" if lines else "off"},
    }


def _colour(panel: Panel) -> JSON:
    whole = panel.colours.get("")
    if not whole and any(query.legend for query in panel.queries):
        # Many lines of one kind (instances, places): the highest stands out.
        return {"mode": "continuous-BlPu", "seriesBy": "max"}
    return {"mode": "fixed", "fixedColor": hue(whole or "client")}


def _overrides(panel: Panel) -> list[JSON]:
    labels = {query.label for query in panel.queries}
    if "instance" in labels:
        names = _hues_by_end()
    else:
        names = _hues_by_length() if labels.intersection(NAMED) else []
    weights = [
        override("byFrameRefID", ref_id(number), **{"custom.lineWidth": LINE_WIDTHS[query.weight]})
        for number, query in enumerate(panel.queries)
        if query.weight != "normal"
    ]
    solid = [
        override("byName", series, **{"custom.lineStyle": {"fill": "solid"}})
        for series in panel.colours
        if names and series
    ]
    return [*names, *weights, *solid, *colour_overrides(panel)]


def _hues_by_length() -> list[JSON]:
    """
    Give a name one of the hues by its length, solid or dashed, the same on all panels.

    The names of routes, segments and jobs are not known here, and Grafana's own colour for an
    unknown name may be red.
    """
    hues = len(NAME_HUES)
    dashed = f"/^(?:.{{{2 * hues}}})*.{{{hues},{2 * hues - 1}}}$/"
    return [
        *(
            fixed("byRegexp", f"/^(?:.{{{hues}}})*.{{{rest}}}$/", colour)
            for rest, colour in enumerate(NAME_HUES)
        ),
        override("byRegexp", dashed, **{"custom.lineStyle": {"fill": "dash", "dash": [8, 4]}}),
    ]


def _hues_by_end() -> list[JSON]:
    hues = len(NAME_HUES)
    return [
        fixed("byRegexp", f"/^[^:]*[{_ENDS[rest::hues]}](?::\\d+)?$/i", colour)
        for rest, colour in enumerate(NAME_HUES)
    ]
