"""
PromQL of the boards: which variables narrow a selector, and which signal a query plots.

Knows names, not Grafana: signals take job and route, raw metrics the instance too.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sse_observe.catalog.model import Signal
from sse_observe.metrics import METRICS

# Everything that may stand around a name: strings are skipped whole, so that no label value
# is taken for a series.
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[a-zA-Z_:][a-zA-Z0-9_:]*')
_HISTOGRAM_SERIES = ("_bucket", "_sum", "_count")
# A wrapper that keeps each series' own value; `sum` does not, so a sum has no alert's threshold.
_WRAPPER = re.compile(
    r"^(?:(?:top|bottom)k\s*\(\s*\d+\s*,|(?:min|max)\s*(?:by\s*\([^)]*\)\s*)?\()(?P<inner>.*)\)$",
    re.DOTALL,
)

_SELECTOR = re.compile(r"^(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{[^{}]*\})?$")


def _raw_series() -> dict[str, tuple[str, ...]]:
    """Return the labels of every series that the exporter writes."""
    series: dict[str, tuple[str, ...]] = {}
    for metric in METRICS.values():
        labels = ("job", *(label for label in metric.labels if label == "route"), "instance")
        if metric.kind == "histogram":
            series |= {metric.name + suffix: labels for suffix in _HISTOGRAM_SERIES}
        else:
            series[metric.name] = labels
    return series


@dataclass(frozen=True)
class Scope:
    """
    What may stand in a board's queries, and the variables that narrow it.

    `series` maps each name to the labels that have a variable; `constants` fills `<< name >>`.
    """

    series: Mapping[str, tuple[str, ...]]
    constants: Mapping[str, str]

    @classmethod
    def of(
        cls, signals: Iterable[Signal], grouping: Iterable[str], constants: Mapping[str, str]
    ) -> "Scope":
        """Build the scope of a catalogue; `grouping` are the user's own labels."""
        more = tuple(grouping)
        series = {
            name: (labels[0], *more, *labels[1:]) for name, labels in _raw_series().items()
        }
        for signal in signals:
            known = tuple(label for label in ("job", "route") if label in signal.labels)
            series[signal.record] = (*known[:1], *more, *known[1:])
        return cls(series, constants)

    def narrow(self, expr: str) -> str:
        """Return the query with every selector narrowed to the board's variables."""
        text = " ".join(expr.split())
        for name, value in self.constants.items():
            text = text.replace(f"<< {name} >>", value)
        parts: list[str] = []
        end = 0
        for token in _TOKEN.finditer(text):
            labels = self.series.get(token[0])
            if labels is None:
                continue
            parts.append(text[end : token.end()])
            end = token.end()
            matchers = ", ".join(f'{label}=~"${label}"' for label in labels)
            if text[end : end + 1] == "{":
                parts.append(f"{{{matchers}, ")
                end += 1
            else:
                parts.append(f"{{{matchers}}}")
        return "".join(parts) + text[end:]


def plotted(expr: str) -> str | None:
    """Return the series that a query shows as it is; None where it computes something else."""
    text = expr.strip()
    while wrapped := _WRAPPER.match(text):
        text = wrapped["inner"].strip()
    name = _SELECTOR.match(text)
    return name["name"] if name else None
