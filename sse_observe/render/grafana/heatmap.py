"""Buckets over time: Grafana's `heatmap`."""

from collections.abc import Sequence

from sse_observe.catalog.model import Panel
from sse_observe.render.grafana.fields import JSON
from sse_observe.render.grafana.vocabulary import UNITS
from sse_observe.render.limits import Limit
from sse_observe.render.palette import HUES


def heatmap(panel: Panel, _: Sequence[Limit]) -> JSON:
    """
    Return `type`, `fieldConfig` and `options` of a heatmap.

    A bucket has no threshold line in Grafana; the quantiles beside it carry it.
    """
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
            # Columns are one or two pixels wide: a gap between them would make them pale.
            "cellGap": 0,
            "color": {
                "mode": "scheme",
                "scheme": "Purples",
                "fill": HUES["p95"],
                "exponent": 0.5,
                "scale": "exponential",
                "steps": 64,
                "reverse": False,
            },
            "exemplars": {"color": HUES["client"]},
            "filterValues": {"le": 1e-9},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "showValue": "never",
            "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": True},
            "yAxis": {
                "axisPlacement": "left",
                "unit": UNITS[panel.unit],
                "decimals": panel.decimals,
                "reverse": False,
            },
        },
    }
