"""
How each kind of panel is drawn: Grafana's `type`, `options` and `fieldConfig`, as plain data.

Knows the panel options that Grafana 11, 12 and 13 share; knows neither grafanalib nor PromQL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sse_observe.catalog.model import Compare, Panel, Severity

JSON = dict[str, Any]

# Meanings and their hues. Chosen by search over OKLab: every pair stays 0.11 apart for normal,
# protanopic, deuteranopic and tritanopic sight, and each has 3:1 contrast on both themes.
COLOURS: Mapping[str, str] = {
    "good": "#0B7462",
    "client": "#0D99ED",
    "calm": "#8F8F90",
    "warn": "#CC8331",
    "bad": "#CD171F",
    "plain": "text",
    # One hue for quantiles, darker and bolder towards the tail.
    "p50": "#B096EA",
    "p95": "#8F5FE0",
    "p99": "#7343CB",
    # One hue for networks, darker the slower.
    "slow-2g": "#8E1E6E",
    "2g": "#B8418F",
    "3g": "#D86FAF",
    "4g": "#EE9FCC",
}
# The names of routes, segments and jobs are not known here, and Grafana's own colour for an unknown
# name may be red. The length of the name gives it one of seven hues, solid or dashed, the same on
# all panels; found by the same search, away from the meanings.
NAME_COLOURS = ("#2A6CA5", "#B72785", "#8C5B3D", "#828B39", "#8391CC", "#7F5ADF", "#C16C90")
NAMED = ("{{route}}", "{{user_segment}}", "{{job}}")
# Names of instances are equally long and differ towards their end, before the port.
_ENDS = "0123456789abcdefghijklmnopqrstuvwxyz"
_SEVERITY: Mapping[Severity, str] = {"critical": "bad", "warning": "warn", "info": "client"}
# A cell without a value has no verdict: neither good nor bad.
_NOTHING = {
    "type": "special",
    "options": {"match": "null", "result": {"text": "–", "color": "text", "index": 0}},
}
# Where all is zero Grafana's axis would reach to 100, and call a share 10000 %.
_QUIET = {"percentunit": 0.01, "locale": 1, "cpm": 1}
_LINE_WIDTH = {"thin": 1, "normal": 2, "bold": 3}


@dataclass(frozen=True, slots=True)
class Limit:
    """The threshold of an alert that watches one query of a panel, in the panel's unit."""

    alert: str
    compare: Compare
    value: float
    severity: Severity
    query: int = 0


def visual(panel: Panel, limits: Sequence[Limit], uid: str, variables: Sequence[str]) -> JSON:
    """
    Return `type`, `options`, `fieldConfig` and, for tables, `transformations`.

    A click on a route or an instance narrows the board with this `uid` to it; what its other
    `variables` hold stays.
    """
    drawn = _KINDS[panel.kind](panel, limits)
    for label in ("route", "instance"):
        if any(query.legend == f"{{{{{label}}}}}" for query in panel.queries):
            link = _narrower(uid, variables, label, f"__field.labels.{label}")
            drawn["fieldConfig"]["defaults"]["links"] = [link]
        if label in panel.columns:
            link = _narrower(uid, variables, label, "__value.raw")
            drawn["fieldConfig"]["overrides"].append(
                _override("byName", panel.columns[label], links=[link])
            )
    return drawn


def _narrower(uid: str, variables: Sequence[str], label: str, value: str) -> JSON:
    kept = "&".join(f"${{{name}:queryparam}}" for name in variables if name != label)
    address = f"/d/{uid}?{kept}&var-{label}=${{{value}:percentencode}}&${{__url_time_range}}"
    return {"title": f"Only this {label}", "url": address, "targetBlank": False}


def _field_config(
    panel: Panel,
    *,
    steps: Sequence[tuple[float | None, str]] = ((None, "plain"),),
    colour: JSON | None = None,
    custom: JSON | None = None,
    overrides: Sequence[JSON] = (),
) -> JSON:
    return {
        "defaults": {
            "unit": panel.unit,
            "decimals": panel.decimals,
            "min": panel.minimum,
            "max": panel.maximum,
            "noValue": panel.no_value,
            "color": colour or {"mode": "thresholds"},
            "thresholds": _thresholds(steps),
            "custom": custom,
        },
        "overrides": [*overrides, *_colour_overrides(panel)],
    }


def _thresholds(steps: Sequence[tuple[float | None, str]]) -> JSON:
    # The base step is a real null: the string "null" paints everything in its colour.
    drawn = [{"value": value, "color": COLOURS[name]} for value, name in steps]
    return {"mode": "absolute", "steps": drawn}


def _colour_overrides(panel: Panel) -> list[JSON]:
    return [
        _fixed("byRegexp" if series.startswith("/") else "byName", series, COLOURS[meaning])
        for series, meaning in panel.colours.items()
        if series
    ]


def _override(matcher: str, on: str, **properties: Any) -> JSON:
    return {
        "matcher": {"id": matcher, "options": on},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def _fixed(matcher: str, series: str, hue: str) -> JSON:
    return _override(matcher, series, color={"mode": "fixed", "fixedColor": hue})


def _worth(
    panel: Panel, limits: Sequence[Limit], fine: str = "good", series: str = ""
) -> list[tuple[float | None, str]]:
    """Colour a single value: what its alerts call bad, else what the panel says, else plain."""
    if not limits:
        first = panel.colours.get(series, "good" if panel.steps else "plain")
        return [(None, first), *panel.steps]
    worst = sorted(limits, key=lambda limit: limit.value)
    if worst[-1].compare.startswith("<"):
        names = [_SEVERITY[limit.severity] for limit in worst]
        return [(None, names[0]), *zip((i.value for i in worst), [*names[1:], fine], strict=True)]
    return [(None, fine), *((limit.value, _SEVERITY[limit.severity]) for limit in worst)]


def _timeseries(panel: Panel, limits: Sequence[Limit]) -> JSON:
    # A line on the axis itself would say nothing: where any is too many, the bars are red.
    lines = [limit for limit in limits if limit.value]
    steps = [(None, "plain"), *sorted((i.value, _SEVERITY[i.severity]) for i in lines)]
    above = [limit.value for limit in lines if limit.compare.startswith(">")]
    custom = {
        "drawStyle": "bars" if panel.bars else "line",
        "lineInterpolation": "linear",
        "lineWidth": 0 if panel.stacked or panel.bars else _LINE_WIDTH["normal"],
        "fillOpacity": 80 if panel.bars else 70 if panel.stacked else 0,
        "gradientMode": "none",
        "barAlignment": 0,
        "showPoints": "never" if panel.stacked or panel.bars else "auto",
        "pointSize": 4,
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        "scaleDistribution": {"type": "linear"},
        "axisPlacement": "auto",
        "axisLabel": "",
        "axisSoftMin": panel.soft_minimum,
        # The pager's line stays in sight while all is well.
        "axisSoftMax": min(above) * 1.1 if above else _QUIET.get(panel.unit),
        "hideFrom": {"legend": False, "tooltip": False, "viz": False},
        "thresholdsStyle": {"mode": "dashed" if lines else "off"},
    }
    whole = panel.colours.get("")
    colour: JSON = {"mode": "fixed", "fixedColor": COLOURS[whole or "client"]}
    if not whole and any(query.legend for query in panel.queries):
        # Many lines of one kind (instances, places): the highest stands out.
        colour = {"mode": "continuous-BlPu", "seriesBy": "max"}
    names = _by_name() if any(query.legend in NAMED for query in panel.queries) else []
    if any(query.legend == "{{instance}}" for query in panel.queries):
        names = _by_end()
    weights = [
        _override("byFrameRefID", ref_id(index), **{"custom.lineWidth": _LINE_WIDTH[query.weight]})
        for index, query in enumerate(panel.queries)
        if query.weight != "normal"
    ]
    solid = [
        _override("byName", series, **{"custom.lineStyle": {"fill": "solid"}})
        for series in panel.colours
        if names and series
    ]
    return {
        "type": "timeseries",
        "fieldConfig": _field_config(
            panel, steps=steps, colour=colour, custom=custom, overrides=[*names, *weights, *solid]
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


def _by_name() -> list[JSON]:
    hues = len(NAME_COLOURS)
    dashed = f"/^(?:.{{{2 * hues}}})*.{{{hues},{2 * hues - 1}}}$/"
    return [
        *(
            _fixed("byRegexp", f"/^(?:.{{{hues}}})*.{{{rest}}}$/", hue)
            for rest, hue in enumerate(NAME_COLOURS)
        ),
        _override("byRegexp", dashed, **{"custom.lineStyle": {"fill": "dash", "dash": [8, 4]}}),
    ]


def _by_end() -> list[JSON]:
    hues = len(NAME_COLOURS)
    return [
        _fixed("byRegexp", f"/^[^:]*[{_ENDS[rest::hues]}](?::\\d+)?$/i", hue)
        for rest, hue in enumerate(NAME_COLOURS)
    ]


def _reduced() -> JSON:
    return {"calcs": ["lastNotNull"], "fields": "", "values": False}


def _stat(panel: Panel, limits: Sequence[Limit]) -> JSON:
    # The worst of many says who it is.
    mode = "value_and_name" if any(query.legend for query in panel.queries) else "auto"
    return {
        "type": "stat",
        "fieldConfig": _field_config(panel, steps=_worth(panel, limits)),
        "options": {
            "colorMode": "value",
            # A steady trend would run through the number.
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "percentChangeColorMode": "standard",
            "reduceOptions": _reduced(),
            "showPercentChange": False,
            "textMode": mode,
            "wideLayout": True,
        },
    }


def _gauge(panel: Panel, limits: Sequence[Limit]) -> JSON:
    return {
        "type": "gauge",
        "fieldConfig": _field_config(panel, steps=_worth(panel, limits)),
        "options": {
            "minVizHeight": 75,
            "minVizWidth": 75,
            "orientation": "auto",
            "reduceOptions": _reduced(),
            "showThresholdLabels": False,
            "showThresholdMarkers": True,
            "sizing": "auto",
        },
    }


def _bargauge(panel: Panel, limits: Sequence[Limit]) -> JSON:
    return {
        "type": "bargauge",
        "fieldConfig": _field_config(panel, steps=_worth(panel, limits)),
        "options": {
            "displayMode": "basic",
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False},
            "maxVizHeight": 28,
            "minVizHeight": 12,
            "minVizWidth": 8,
            "namePlacement": "left",
            "orientation": "horizontal",
            "reduceOptions": _reduced(),
            "showUnfilled": True,
            "sizing": "auto",
            # Grafana measures one name, at 12 px, for all: a little less, and none is cut.
            "text": {"titleSize": 11},
            "valueMode": "text",
        },
    }


def _heatmap(panel: Panel, limits: Sequence[Limit]) -> JSON:  # noqa: ARG001
    # A bucket has no threshold line in Grafana; the quantiles beside it carry it.
    return {
        "type": "heatmap",
        "fieldConfig": {
            "defaults": {
                "noValue": panel.no_value,
                "custom": {
                    "hideFrom": {"legend": False, "tooltip": False, "viz": False},
                    "scaleDistribution": {"type": "linear"},
                },
            },
            "overrides": [],
        },
        "options": {
            "calculate": False,
            # Columns are a pixel or two wide: a gap between them would wash them out.
            "cellGap": 0,
            "color": {
                "mode": "scheme",
                "scheme": "Purples",
                "fill": COLOURS["p95"],
                "exponent": 0.5,
                "scale": "exponential",
                "steps": 64,
                "reverse": False,
            },
            "exemplars": {"color": COLOURS["client"]},
            "filterValues": {"le": 1e-9},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "showValue": "never",
            "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": True},
            "yAxis": {
                "axisPlacement": "left",
                "unit": panel.unit,
                "decimals": panel.decimals,
                "reverse": False,
            },
        },
    }


def _table(panel: Panel, limits: Sequence[Limit]) -> JSON:
    labels = {f"Value #{ref_id(i)}": query.legend for i, query in enumerate(panel.queries)}
    titles = {**panel.columns, **labels}
    looks = [
        _override("byName", title, **{"custom.width": 200}) for title in panel.columns.values()
    ]
    for index, query in enumerate(panel.queries):
        look: JSON = {"unit": query.unit or panel.unit, "custom.minWidth": 76}
        if query.decimals is not None:
            look["decimals"] = query.decimals
        own = [limit for limit in limits if limit.query == index]
        if own or query.legend in panel.colours:
            look["thresholds"] = _thresholds(_worth(panel, own, "plain", query.legend))
            look["custom.cellOptions"] = {"type": "color-text"}
            look["mappings"] = [_NOTHING]
        looks.append(_override("byName", query.legend, **look))
    return {
        "type": "table",
        "fieldConfig": _field_config(
            replace(panel, colours={}),
            custom={
                "align": "auto",
                "cellOptions": {"type": "auto"},
                "filterable": False,
                "inspect": False,
            },
            overrides=looks,
        ),
        "options": {
            "cellHeight": "sm",
            "showHeader": True,
            "sortBy": [{"displayName": panel.queries[0].legend, "desc": False}],
        },
        "transformations": [
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "includeByName": {},
                    "indexByName": {name: place for place, name in enumerate(titles)},
                    "renameByName": titles,
                },
            },
        ],
    }


def ref_id(index: int) -> str:
    """Return Grafana's letter for a panel's query."""
    return chr(ord("A") + index)


_KINDS = {
    "timeseries": _timeseries,
    "stat": _stat,
    "gauge": _gauge,
    "bargauge": _bargauge,
    "heatmap": _heatmap,
    "table": _table,
}
