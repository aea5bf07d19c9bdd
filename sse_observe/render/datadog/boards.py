"""
Dashboards: each panel whose every query Datadog can say, and the names of the others.

A query of a panel is a signal, added up or compared over a label; that much is read from it here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from sse_observe.catalog.datadog import Form, Reason, Term, forms, narrowed
from sse_observe.catalog.model import Board, Catalog, Panel, Query, Row, Unit
from sse_observe.render.banner import banner
from sse_observe.render.datadog.query import JSON, is_counted, metric, quantile, query
from sse_observe.render.datadog.query import tag as tag_of
from sse_observe.render.expressions import number
from sse_observe.render.limits import Limit, limits_of
from sse_observe.render.target import Rendering

_SCOPE = "$service,$route"
_VARIABLES = ("service", "route")
_UNITS: Mapping[Unit, str] = {
    "ratio": "percent",
    "percent": "percent",
    "seconds": "second",
    "bytes": "byte",
    "bytes/s": "byte",
}
_ALONE = Reason("its query says what only Prometheus can")
_SHARE = Reason("Datadog keeps quantiles of a distribution, not the share beyond a bound")

_SIGNAL = r"\(?(?P<record>route\w*:\w+:\w+|sse_\w+)(?:\{(?P<selector>[^{}]*)\})?\)?"
_GROUPED = r"(?: ?by \((?P<by>[^)]*)\))? ?"
_TOPPED = re.compile(r"^(?:top|bottom)k\(\d+, (?P<inner>.*)\)$")
_PLAIN = re.compile(rf"^(?P<how>sum|max|min|avg){_GROUPED}\({_SIGNAL}\)$")
_QUANTILE = re.compile(
    rf"^histogram_quantile\((?P<q>[\d.]+), sum by \((?P<by>[^)]*)\) \({_SIGNAL}\)\)$"
)
_IN_RANGE = re.compile(
    rf"^sum{_GROUPED}\(sum_over_time\({_SIGNAL}\[<< range >>\]\)\) \* << interval >>$"
)
_MEAN = re.compile(
    r"^sum(?: by \((?P<by>[^)]*)\)| )? ?\((?P<record>\w+:\w+_sum:\w+)\) / \(sum.*_bucket.*> 0\)$"
)
_GAUGE = re.compile(r"^sum by \((?P<by>instance)\) \((?P<metric>sse_\w+)\)$")


class Asked(NamedTuple):
    """One query of a panel as Datadog is asked it."""

    form: Form
    by: tuple[str, ...]
    factor: float = 1
    how: str | None = None


class Boards(NamedTuple):
    """Dashboards by name, and the panels that are left out: board, title, why."""

    written: dict[str, JSON]
    left_out: list[tuple[str, str, str]]


def boards(rendering: Rendering) -> Boards:
    """Return the dashboards of a rendering."""
    known = forms(rendering.catalog.signals)
    written: dict[str, JSON] = {}
    left_out: list[tuple[str, str, str]] = []
    for board in rendering.catalog.boards:
        widgets: list[JSON] = []
        differing: set[str] = set()
        for row in board.rows:
            drawn: list[JSON] = []
            for panel in row.panels:
                found = [asked(query, known) for query in panel.queries]
                good = [one for one in found if isinstance(one, Asked)]
                reasons = [one.text for one in found if isinstance(one, Reason)]
                if reasons:
                    left_out.append((board.title, panel.title, reasons[0]))
                else:
                    differing |= {one.form.differs for one in good if one.form.differs}
                    drawn += _widgets(panel, good, rendering.catalog)
            widgets += _group(row, drawn)
        written[board.name] = _dashboard(board, widgets, sorted(differing))
    return Boards(written, left_out)


def asked(one: Query, known: Mapping[str, Form | Reason]) -> Asked | Reason:
    """Return what a panel's query asks, or why Datadog cannot."""
    text = " ".join(one.expr.split()).partition(" and ")[0]
    text = re.sub(r" (?:>=?|<=?) [\d.]+$", "", text)
    factor = 60 if text.startswith("60 * ") else 1
    text = text.removeprefix("60 * ")
    while topped := _TOPPED.match(text):
        text = topped["inner"]
    if found := _GAUGE.match(text):
        return Asked(Form((Term(found["metric"], how="sum"),)), ("host",))
    if found := _MEAN.match(text):
        name = re.sub(r"^\w+:(\w+)_sum:\w+$", r"\1", found["record"])
        terms = Term(f"{name}.sum"), Term(f"{name}.count")
        return Asked(Form(terms, "a / b"), _by(found["by"]))
    found = _QUANTILE.match(text) or _IN_RANGE.match(text) or _PLAIN.match(text)
    if found is None:
        return _ALONE
    form = narrowed(known.get(found["record"]), found["selector"])
    if not isinstance(form, Form):
        return form or _ALONE
    if form.bound is not None:
        return _SHARE
    groups = found.groupdict()
    q = groups.get("q")
    how = quantile(float(q)) if q else ("histogram" if form.quantiles else None)
    return Asked(form, _by(groups.get("by")), factor, how)


def _by(labels: str | None) -> tuple[str, ...]:
    names = (label.strip() for label in (labels or "").split(","))
    return tuple(tag_of(name) for name in names if name and name != "le")


def _widgets(panel: Panel, shown: list[Asked], catalog: Catalog) -> Iterator[JSON]:
    """Yield a panel as widgets: of single values each is one of its own."""
    if panel.kind == "timeseries":
        yield _graph(panel, shown, catalog)
        return
    for one, own in zip(shown, panel.queries, strict=True):
        legend = "" if "{{" in own.legend or len(shown) == 1 else f": {own.legend}"
        alone = replace(panel, title=f"{panel.title}{legend}", queries=(own,))
        yield _heatmap(alone, one) if panel.kind == "heatmap" else _value(alone, one)


def _heatmap(panel: Panel, one: Asked) -> JSON:
    (term,) = one.form.terms
    ask = {
        "data_source": "metrics",
        "name": "query1",
        "query": f"histogram:{metric(term.metric)}{{{_SCOPE}}}",
    }
    request = {"request_type": "histogram", "query": ask}
    return {"definition": {"type": "heatmap", "title": panel.title, "requests": [request]}}


def _value(panel: Panel, one: Asked) -> JSON:
    requests = [_request(panel, [one], scalar=True)]
    if one.by:
        # The worst of several, or each of them: by name.
        return {"definition": {"type": "toplist", "title": panel.title, "requests": requests}}
    return {
        "definition": {
            "type": "query_value",
            "title": panel.title,
            "autoscale": True,
            "precision": panel.decimals or 0,
            "requests": requests,
        }
    }


def _graph(panel: Panel, shown: list[Asked], catalog: Catalog) -> JSON:
    limits = limits_of(panel, catalog.alerts)
    return {
        "definition": {
            "type": "timeseries",
            "title": panel.title,
            "show_legend": True,
            "requests": [
                {
                    **_request(panel, shown, scalar=False),
                    "display_type": "bars" if panel.bars else "line",
                }
            ],
            "markers": [_marker(panel, limit) for limit in limits],
        }
    }


def _request(panel: Panel, shown: list[Asked], *, scalar: bool) -> JSON:
    queries: list[JSON] = []
    formulas: list[JSON] = []
    for number_of, (one, own) in enumerate(zip(shown, panel.queries, strict=False)):
        names = {}
        for place, term in enumerate(one.form.terms):
            name = f"query{len(queries) + 1}"
            names["abcdefgh"[place]] = name
            ask: JSON = {
                "data_source": "metrics",
                "name": name,
                "query": _rated(query(term, _SCOPE, one.by, one.how), panel),
            }
            if scalar:
                ask["aggregator"] = "sum" if is_counted(one.form) else "avg"
            queries.append(ask)
        parts = re.split(r"\b([a-h])\b", one.form.formula)
        formula = "".join(names.get(part, part) for part in parts)
        formulas.append(_formula(panel, own, formula, one.factor, number_of))
    return {
        "response_format": "scalar" if scalar else "timeseries",
        "queries": queries,
        "formulas": formulas,
    }


def _rated(text: str, panel: Panel) -> str:
    """Return a count as a rate where the panel shows one."""
    if "/s" in panel.unit or panel.unit == "per minute":
        return text.replace(".as_count()", ".as_rate()")
    return text


def _formula(panel: Panel, own: Query, formula: str, factor: float, place: int) -> JSON:
    factor *= 100 if panel.unit == "ratio" else 1
    written: JSON = {"formula": formula if factor == 1 else f"{number(factor)} * ({formula})"}
    if own.legend and "{{" not in own.legend:
        written["alias"] = own.legend
    elif place:
        written["alias"] = f"{panel.title} {place + 1}"
    unit = _UNITS.get(panel.unit)
    if unit:
        written["number_format"] = {"unit": {"type": "canonical_unit", "unit_name": unit}}
    return written


def _marker(panel: Panel, limit: Limit) -> JSON:
    value = limit.value * (100 if panel.unit == "ratio" else 1)
    kind = "error" if limit.severity == "critical" else "warning"
    return {"value": f"y = {number(value)}", "display_type": f"{kind} dashed", "label": limit.alert}


def _group(row: Row, widgets: list[JSON]) -> Iterator[JSON]:
    if not widgets:
        return
    if not row.title:
        yield from widgets
        return
    yield {
        "definition": {
            "type": "group",
            "layout_type": "ordered",
            "title": row.title,
            "widgets": widgets,
        }
    }


def _dashboard(board: Board, widgets: list[JSON], differing: list[str]) -> JSON:
    return {
        "title": board.title,
        "description": " ".join(
            (board.question, *differing, banner("sse_observe/catalog/dashboards/"))
        ),
        "layout_type": "ordered",
        "template_variables": [
            {"name": name, "prefix": name, "defaults": ["*"]} for name in _VARIABLES
        ],
        "widgets": widgets,
    }
