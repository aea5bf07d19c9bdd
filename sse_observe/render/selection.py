"""
The selector of the settings: how it finds raw metrics, and the records that were made of them.

A record carries the labels that it is grouped by, and no other. What else the selector names is
put on each record as a label of its own: so two bundles in one Prometheus never read each other's.
"""

import json
from dataclasses import dataclass, field
from functools import lru_cache

from sse_observe.catalog.promql import Matcher, matchers
from sse_observe.catalog.signals.recordings import SIGNALS

TAKEN = frozenset(
    {
        *(label for signal in SIGNALS for label in signal.labels),
        *("instance", "alertname", "severity", "long", "short"),
    }
)
"""Labels that the signals carry themselves, or that a rule sets."""
_MARK = "sse_selector"
"""The label of records for what is no single value: patterns, and labels of single processes."""


@dataclass(frozen=True, slots=True)
class Selection:
    """
    One selector.

    `raw` are the matchers for raw metrics, `recorded` those for records and alerts, and `marks`
    the labels that every record is given.
    """

    raw: str = ""
    recorded: str = ""
    marks: dict[str, str] = field(default_factory=dict)


@lru_cache(maxsize=16)
def selection(selector: str, group_by: tuple[str, ...]) -> Selection:
    """Return what a selector means where records are grouped by these labels."""
    carried: list[Matcher] = []
    marks: dict[str, str] = {}
    others: list[Matcher] = []
    for matcher in matchers(selector) or ():
        if matcher.label in ("job", *group_by):
            carried.append(matcher)
        elif matcher.operator == "=" and matcher.label not in TAKEN:
            marks[matcher.label] = matcher.value
        else:
            others.append(matcher)
    if others:
        marks[_MARK] = ", ".join(map(str, others))
    marked = (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in marks.items())
    return Selection(selector, ", ".join((*map(str, carried), *marked)), marks)
