"""
Monitors: one for each alert that Datadog can say, and the reasons for the others.

There is no `for`: the window of a monitor is the time that it waits.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sse_observe.catalog.datadog import Form, Reason, forms
from sse_observe.catalog.durations import duration, seconds
from sse_observe.catalog.model import DOWNWARD, Alert, Severity
from sse_observe.catalog.reads import span_of
from sse_observe.render.banner import banner
from sse_observe.render.datadog.query import JSON, QUANTILES, inline, is_counted, quantile, query
from sse_observe.render.datadog.query import tag as tag_of
from sse_observe.render.expressions import number
from sse_observe.render.target import Rendering

_PRIORITY: dict[Severity, int] = {"critical": 1, "warning": 3, "info": 5}
_LONGEST_BURN = seconds("48h")
_WHILE_ABSENT = "show_and_notify_no_data"


class LeftOut(NamedTuple):
    """An alert that Datadog cannot say, and why."""

    alert: str
    reason: str


class Monitors(NamedTuple):
    """Monitors by the alert's name, and what is left out."""

    written: dict[str, JSON]
    left_out: list[LeftOut]


def monitors(rendering: Rendering) -> Monitors:
    """Return the monitors of a rendering."""
    known = forms(rendering.catalog.signals)
    written: dict[str, JSON] = {}
    left_out: list[LeftOut] = []
    for alert in rendering.catalog.alerts:
        if alert.windows:
            form = known[alert.signals()[0]]
            watches = "it watches the SLO, whose id Terraform knows"
            reason = form.text if isinstance(form, Reason) else watches
            left_out.append(LeftOut(alert.name, reason))
            continue
        form = known[alert.signal]
        reason = form.text if isinstance(form, Reason) else _unsaid(alert, form)
        if reason or isinstance(form, Reason):
            left_out.append(LeftOut(alert.name, reason))
        else:
            written[alert.name] = _monitor(alert, form, rendering)
    return Monitors(written, left_out)


def burns(rendering: Rendering, slo: str) -> Iterator[tuple[str, JSON]]:
    """Yield burn-rate monitors over the SLO with an id; those within what Datadog takes."""
    window = rendering.settings.objectives.window
    known = forms(rendering.catalog.signals)
    for alert in rendering.catalog.alerts:
        for pair in () if isinstance(known[alert.signals()[0]], Reason) else alert.windows:
            if seconds(pair.long) > _LONGEST_BURN:
                continue
            ask = (
                f'burn_rate("{slo}").over("{window}").long_window("{_short(pair.long)}")'
                f'.short_window("{_short(pair.short)}") > {number(pair.factor)}'
            )
            name = f"{alert.name}_{pair.long}"
            yield (
                name,
                {
                    **_frame(alert, rendering, pair.severity),
                    "name": f"{alert.name} {pair.long}: {alert.summary}",
                    "type": "slo alert",
                    "query": ask,
                    "monitor_thresholds": {"critical": number(pair.factor)},
                },
            )


def _short(text: str) -> str:
    """Return a span as Datadog's burn rates take it: in hours or minutes."""
    length = seconds(text)
    return f"{length / 3600:g}h" if length % 3600 == 0 else f"{length / 60:g}m"


def _unsaid(alert: Alert, form: Form) -> str:
    """Return why an alert's comparison cannot be said; empty where it can."""
    if form.bound is not None and round(1 - alert.line(), 6) not in QUANTILES:
        kept = ", ".join(number(round(1 - q, 6)) for q in QUANTILES)
        return f"Datadog keeps quantiles for the shares {kept}; its threshold is {alert.line():g}"
    return ""


def _monitor(alert: Alert, form: Form, rendering: Rendering) -> JSON:
    signal = next(each for each in rendering.catalog.signals if each.record == alert.signal)
    by = [tag_of(label) for label in signal.labels]
    compare, line, missing = alert.compare, number(alert.line()), "default"
    span = span_of(alert.signal)
    if alert.compare == "==":
        # No series at all is what this one is about.
        compare, line, missing = "<", "1", _WHILE_ABSENT
        ask = f"max({_window(alert.hold_for)}):{inline(form, '*', by)}"
    elif form.bound is not None:
        word = quantile(round(1 - alert.line(), 6))
        line = number(form.bound)
        ask = f"percentile({_window(duration(span))}):{query(form.terms[0], '*', by, word)}"
    elif is_counted(form):
        ask = f"sum({_window(duration(span))}):{inline(form, '*', by)}"
    else:
        # A state now has to hold all the time, an average is one over its window.
        how = "avg" if span else ("max" if compare in DOWNWARD else "min")
        length = max(span, seconds(alert.hold_for))
        ask = f"{how}({_window(duration(length))}):{inline(form, '*', by)}"
    return {
        **_frame(alert, rendering, alert.severity, form.differs),
        "name": f"{alert.name}: {alert.summary}",
        "type": "query alert",
        "query": f"{ask} {compare} {line}",
        "options": {
            "thresholds": {"critical": float(line)},
            "on_missing_data": missing,
            "require_full_window": False,
            "include_tags": True,
            "new_group_delay": 60,
        },
    }


def _window(text: str) -> str:
    return f"last_{text}"


def _frame(alert: Alert, rendering: Rendering, severity: Severity, differs: str = "") -> JSON:
    """Return what every monitor says of its alert."""
    settings = rendering.settings
    who = settings.datadog.notify
    lines = [
        f"{alert.summary}. It is {{{{value}}}}.",
        *([differs] if differs else []),
        f"Runbook: {settings.runbook(alert.name)}",
        *([who] if who else []),
        banner(alert.source),
    ]
    labels = [f"{name}:{value}" for name, value in alert.labels.items()]
    return {
        "message": "\n\n".join(lines),
        "priority": _PRIORITY[severity],
        "tags": ["sse-observe", f"severity:{settings.severities.label(severity)}", *labels],
    }
