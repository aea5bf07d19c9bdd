"""Marks on every graph of a board: alerts that began to fire, and processes that started."""

from sse_observe.catalog.dashboards.marks import BEGAN, STARTED
from sse_observe.catalog.durations import duration
from sse_observe.render.grafana.fields import JSON
from sse_observe.render.palette import HUES
from sse_observe.render.queries import Scope

_OWN: JSON = {
    "builtIn": 1,
    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
    "enable": True,
    "hide": True,
    "iconColor": "rgba(0, 211, 255, 1)",
    "name": "Annotations & Alerts",
    "type": "dashboard",
}


def annotations(scope: Scope, datasource: JSON, rule_seconds: float) -> list[JSON]:
    """Return Grafana's own entry and our marks."""

    def mark(name: str, hue: str, expr: str, step: str, **more: object) -> JSON:
        query = scope.narrow(expr, by_instance=False)
        return {
            "datasource": datasource,
            "enable": True,
            "hide": False,
            "name": name,
            "iconColor": hue,
            "expr": query,
            "step": step,
            # Early releases of Grafana 11 read the query from the mark, later ones from its target.
            "target": {"expr": query, "interval": step, "refId": "Anno"},
            **more,
        }

    return [
        _OWN,
        mark(
            "Firing alerts",
            HUES["bad"],
            BEGAN,
            duration(rule_seconds),
            titleFormat="{{alertname}}",
            textFormat="{{severity}}",
            tagKeys="severity",
        ),
        mark(
            "Restarts",
            HUES["calm"],
            f"1000 * {STARTED}",
            "60s",
            titleFormat="{{job}} started",
            textFormat="A process of this job started.",
            tagKeys="job",
            useValueForTime=True,
        ),
    ]
