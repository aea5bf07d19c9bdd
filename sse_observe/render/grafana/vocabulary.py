"""Our words as Grafana says them: units, the reader's variables, colours."""

from collections.abc import Mapping

from sse_observe.catalog.model import Colour, Kind, Unit
from sse_observe.render.palette import HUES
from sse_observe.render.queries import Variables

UNITS: Mapping[Unit, str] = {
    "ratio": "percentunit",
    "percent": "percent",
    "seconds": "s",
    "bytes": "bytes",
    "bytes/s": "Bps",
    "count": "locale",
    "short count": "short",
    "times": "none",
    "flag": "bool",
    "operations/s": "ops",
    "requests/s": "reqps",
    "events/s": "eps",
    "per minute": "cpm",
}
FORMATS: Mapping[Kind, str] = {"table": "table", "heatmap": "heatmap"}
"""The format of an answer that is no time series."""
VARIABLES = Variables(
    range="$__range",
    step="$__interval",
    rate_window="$__rate_interval",
    chosen=lambda label: f"${label}",
)


def hue(colour: Colour) -> str:
    """Return a colour as Grafana takes it; `text` is black or white, as its theme is."""
    return HUES.get(colour, "text")


def ref_id(index: int) -> str:
    """Return Grafana's letter for a panel's query."""
    return chr(ord("A") + index)
