"""
PromQL of the boards: which variables narrow a selector, which signal a query plots, whose limit.

Knows names, not Grafana: signals take job and route, raw metrics the instance too.
"""

import re
from collections.abc import Iterable, Iterator

from sse_observe.catalog.model import Alert, Panel, Severity, Signal
from sse_observe.metrics import METRICS
from sse_observe.render.promql import PromQL
from sse_observe.render.settings import Settings
from sse_observe.render.visuals import Limit

# Everything that may stand around a name: strings are skipped whole, so that no label value
# is taken for a series.
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[a-zA-Z_:][a-zA-Z0-9_:]*')
_HISTOGRAM_SERIES = ("_bucket", "_sum", "_count")
# A wrapper that keeps each series' own value; `sum` does not, so a sum has no alert's threshold.
_WRAPPER = re.compile(
    r"^(?:(?:top|bottom)k\s*\(\s*\d+\s*,|(?:min|max)\s*(?:by\s*\([^)]*\)\s*)?\()(?P<inner>.*)\)$",
    re.DOTALL,
)

# A filter leaves the values that pass as they are.
_FILTER = re.compile(r"^(?P<inner>.*\S)\s*(?:[<>]=?)\s*[0-9.]+$", re.DOTALL)
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


class Scope:
    """What may stand in a board's queries, and the variables that narrow it."""

    def __init__(self, signals: Iterable[Signal], settings: Settings) -> None:
        self._promql = PromQL(settings)
        more = settings.group_by
        self._variables = {
            name: (labels[0], *more, *labels[1:]) for name, labels in _raw_series().items()
        }
        for signal in signals:
            known = tuple(label for label in ("job", "route") if label in signal.labels)
            self._variables[signal.record] = (*known[:1], *more, *known[1:])
        # Prometheus' own series of what fires; alerts of a whole job have no route.
        self._variables["ALERTS"] = ("job", *more)

    def narrow(self, expr: str, *, by_instance: bool = True) -> str:
        """
        Return the query with its words filled and every selector narrowed to the variables.

        Marks on graphs leave the variable of the instance to the row that it serves.
        """
        text = self._promql.select(self._promql.fill(" ".join(expr.split())))
        parts: list[str] = []
        end = 0
        for token in _TOKEN.finditer(text):
            labels = self._variables.get(token[0])
            if labels is None:
                continue
            parts.append(text[end : token.end()])
            end = token.end()
            matchers = ", ".join(
                f'{label}=~"${label}"' for label in labels if by_instance or label != "instance"
            )
            if text[end : end + 1] == "{":
                parts.append(f"{{{matchers}, ")
                end += 1
            else:
                parts.append(f"{{{matchers}}}")
        return "".join(parts) + text[end:]


def plotted(expr: str) -> str | None:
    """Return the series that a query shows as it is; None where it computes something else."""
    # `… and topk(…)` chooses lines; those that stay are as they were.
    text = expr.strip().partition(" and ")[0]
    while wrapped := _WRAPPER.match(text) or _FILTER.match(text):
        text = wrapped["inner"].strip()
    name = _SELECTOR.match(text)
    return name["name"] if name else None


def limits_of(panel: Panel, alerts: Iterable[Alert]) -> list[Limit]:
    """Return the thresholds of the alerts whose signal the panel plots."""
    watched = [(alert, *comparison) for alert in alerts for comparison in _comparisons(alert)]
    return [
        Limit(alert.name, alert.compare, value, severity, index)
        for index, query in enumerate(panel.queries)
        for alert, signal, value, severity in watched
        if signal == plotted(query.expr)
    ]


def _comparisons(alert: Alert) -> Iterator[tuple[str, float, Severity]]:
    """Yield signal, threshold and severity; a burn-rate alert has one for each long window."""
    for window in alert.windows:
        watched = alert.signal.replace("{window}", window.long)
        yield watched, alert.line(window), window.severity
    if not alert.windows:
        yield alert.signal, alert.line(), alert.severity
