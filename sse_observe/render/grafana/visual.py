"""
How a panel is drawn: Grafana's `type`, `options` and `fieldConfig`, as plain data.

Knows the panel options that Grafana 11, 12 and 13 share; knows neither grafanalib nor PromQL.
"""

from collections.abc import Callable, Mapping, Sequence

from sse_observe.catalog.model import Kind, Panel
from sse_observe.render.grafana.fields import JSON, override
from sse_observe.render.grafana.graph import timeseries
from sse_observe.render.grafana.heatmap import heatmap
from sse_observe.render.grafana.numbers import bargauge, gauge, stat
from sse_observe.render.grafana.table import table
from sse_observe.render.limits import Limit

_KINDS: Mapping[Kind, Callable[[Panel, Sequence[Limit]], JSON]] = {
    "timeseries": timeseries,
    "stat": stat,
    "gauge": gauge,
    "bargauge": bargauge,
    "heatmap": heatmap,
    "table": table,
}


def visual(panel: Panel, limits: Sequence[Limit], uid: str, variables: Sequence[str]) -> JSON:
    """
    Return `type`, `options`, `fieldConfig` and, for tables, `transformations`.

    A click on a route or an instance narrows the board with this `uid` to it; what its other
    `variables` hold stays.
    """
    drawn = _KINDS[panel.kind](panel, limits)
    for label in ("route", "instance"):
        if any(query.label == label for query in panel.queries):
            link = _narrower(uid, variables, label, f"__field.labels.{label}")
            drawn["fieldConfig"]["defaults"]["links"] = [link]
        if label in panel.columns:
            link = _narrower(uid, variables, label, "__value.raw")
            drawn["fieldConfig"]["overrides"].append(
                override("byName", panel.columns[label], links=[link])
            )
    return drawn


def _narrower(uid: str, variables: Sequence[str], label: str, value: str) -> JSON:
    kept = "&".join(f"${{{name}:queryparam}}" for name in variables if name != label)
    address = f"/d/{uid}?{kept}&var-{label}=${{{value}:percentencode}}&${{__url_time_range}}"
    return {"title": f"Only this {label}", "url": address, "targetBlank": False}
