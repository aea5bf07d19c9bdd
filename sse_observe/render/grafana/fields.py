"""
`fieldConfig`: unit, bounds, colours and thresholds of a panel's values, and overrides by name.

The part of a panel that all kinds share.
"""

from collections.abc import Iterable
from typing import Any

from sse_observe.catalog.model import Panel
from sse_observe.render.grafana.vocabulary import UNITS, hue
from sse_observe.render.limits import Steps

JSON = dict[str, Any]


def field_config(
    panel: Panel,
    *,
    steps: Steps = ((None, "plain"),),
    colour: JSON | None = None,
    custom: JSON | None = None,
    overrides: Iterable[JSON] = (),
) -> JSON:
    """Return the configuration of a panel's values; `colour` replaces the colours of the steps."""
    return {
        "defaults": {
            "unit": UNITS[panel.unit],
            "decimals": panel.decimals,
            "min": panel.minimum,
            "max": panel.maximum,
            "noValue": panel.no_value,
            "color": colour or {"mode": "thresholds"},
            "thresholds": thresholds(steps),
            "custom": custom,
        },
        "overrides": list(overrides),
    }


def thresholds(steps: Steps) -> JSON:
    """Return colours by bound."""
    # The base step is a real null: the string "null" paints everything in its colour.
    drawn = [{"value": value, "color": hue(colour)} for value, colour in steps]
    return {"mode": "absolute", "steps": drawn}


def override(matcher: str, on: str, **properties: object) -> JSON:
    """Return properties for the fields that a matcher finds."""
    return {
        "matcher": {"id": matcher, "options": on},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def fixed(matcher: str, series: str, colour: str) -> JSON:
    """Return an override that gives the series one colour."""
    return override(matcher, series, color={"mode": "fixed", "fixedColor": colour})


def colour_overrides(panel: Panel) -> list[JSON]:
    """Return an override for each series that the panel gives a colour."""
    return [
        fixed("byRegexp" if series.startswith("/") else "byName", series, hue(colour))
        for series, colour in panel.colours.items()
        if series
    ]
