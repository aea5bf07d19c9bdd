"""
How the catalogue's colours and weights look, wherever they are drawn.

Grafana's boards and the report's charts read it; a colour without a hue here is the reader's own
text colour.
"""

from collections.abc import Mapping

from sse_observe.catalog.model import Colour, Severity, Weight

# Chosen by search over OKLab: every pair of meanings stays 0.11 apart for normal, protanopic,
# deuteranopic and tritanopic sight, and each has 3:1 contrast on both of Grafana's themes.
HUES: Mapping[Colour, str] = {
    "good": "#0B7462",
    "client": "#0D99ED",
    "calm": "#8F8F90",
    "warn": "#CC8331",
    "bad": "#CD171F",
    "p50": "#B096EA",
    "p95": "#8F5FE0",
    "p99": "#7343CB",
    "slow-2g": "#8E1E6E",
    "2g": "#B8418F",
    "3g": "#D86FAF",
    "4g": "#EE9FCC",
}
SEVERITY_COLOURS: Mapping[Severity, Colour] = {
    "critical": "bad",
    "warning": "warn",
    "info": "client",
}
# Found by the same search, away from the meanings.
NAME_HUES = ("#2A6CA5", "#B72785", "#8C5B3D", "#828B39", "#8391CC", "#7F5ADF", "#C16C90")
"""For names that are not known here."""
NAMED = ("route", "user_segment", "job")
"""The labels whose values have a hue of their own, the same on every panel."""
LINE_WIDTHS: Mapping[Weight, int] = {"thin": 1, "normal": 2, "bold": 3}
