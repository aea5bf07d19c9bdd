"""Single values: Grafana's `stat`, `gauge` and `bargauge`."""

from collections.abc import Sequence

from sse_observe.catalog.model import Panel
from sse_observe.render.grafana.fields import JSON, colour_overrides, field_config
from sse_observe.render.limits import Limit, judged

_LAST: JSON = {"calcs": ["lastNotNull"], "fields": "", "values": False}


def stat(panel: Panel, limits: Sequence[Limit]) -> JSON:
    """Return `type`, `fieldConfig` and `options` of large numbers."""
    # The worst of many is shown with its name.
    mode = "value_and_name" if any(query.legend for query in panel.queries) else "auto"
    return _number(
        "stat",
        panel,
        limits,
        colorMode="value",
        # A flat sparkline would cross the number.
        graphMode="none",
        justifyMode="auto",
        orientation="auto",
        percentChangeColorMode="standard",
        showPercentChange=False,
        textMode=mode,
        wideLayout=True,
    )


def gauge(panel: Panel, limits: Sequence[Limit]) -> JSON:
    """Return `type`, `fieldConfig` and `options` of a dial."""
    return _number(
        "gauge",
        panel,
        limits,
        minVizHeight=75,
        minVizWidth=75,
        orientation="auto",
        showThresholdLabels=False,
        showThresholdMarkers=True,
        sizing="auto",
    )


def bargauge(panel: Panel, limits: Sequence[Limit]) -> JSON:
    """Return `type`, `fieldConfig` and `options` of bars side by side."""
    return _number(
        "bargauge",
        panel,
        limits,
        displayMode="basic",
        legend={"displayMode": "list", "placement": "bottom", "showLegend": False},
        maxVizHeight=28,
        minVizHeight=12,
        minVizWidth=8,
        namePlacement="left",
        orientation="horizontal",
        showUnfilled=True,
        sizing="auto",
        # Grafana reserves room for one name at 12 px: with 11 px no name is cut.
        text={"titleSize": 11},
        valueMode="text",
    )


def _number(kind: str, panel: Panel, limits: Sequence[Limit], **options: object) -> JSON:
    config = field_config(panel, steps=judged(panel, limits), overrides=colour_overrides(panel))
    return {
        "type": kind,
        "fieldConfig": config,
        "options": {**options, "reduceOptions": _LAST},
    }
