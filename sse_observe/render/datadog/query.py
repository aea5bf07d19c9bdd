"""Queries of Datadog: forms of signals written in its language."""

import re
from collections.abc import Iterable, Mapping
from string import ascii_lowercase

from sse_observe.catalog.datadog import Form, Term

NAMESPACE = "sse"
QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99)
"""Those that Datadog keeps of a distribution."""

# Ours, and what Datadog calls the same.
_TAGS: Mapping[str, str] = {"job": "service", "instance": "host"}

JSON = dict[str, object]


def tag(label: str) -> str:
    """Return Datadog's name for a label."""
    return _TAGS.get(label, label)


def metric(name: str) -> str:
    """Return a metric's name in Datadog, without its kind."""
    return f"{NAMESPACE}.{name.removeprefix('sse_')}"


def quantile(q: float) -> str:
    """Return Datadog's word for a quantile: p95."""
    return f"p{100 * q:g}"


def query(term: Term, scope: str, by: Iterable[str], how: str | None = None) -> str:
    """Return the query of one term; `how` is a quantile's word where it is a distribution."""
    # `*` is everything, and stands alone.
    words = (*(() if scope == "*" and term.tags else (scope,)), *term.tags)
    where = ",".join(words)
    if any(" IN " in word for word in words):
        # Datadog's other way to write a scope; the two cannot be mixed.
        where = " AND ".join(word for text in words for word in re.split(r",(?![^(]*\))", text))
    groups = ",".join(dict.fromkeys((*by, *term.by)))
    grouped = f" by {{{groups}}}" if groups else ""
    if how is not None:
        return f"{how}:{metric(term.metric)}{{{where}}}{grouped}"
    if term.how == "count":
        plain = term.metric.endswith((".sum", ".count"))
        name = metric(term.metric) + ("" if plain else ".count")
        return f"sum:{name}{{{where}}}{grouped}.as_count()"
    return f"{term.how}:{metric(term.metric)}{{{where}}}{grouped}"


def inline(form: Form, scope: str, by: Iterable[str]) -> str:
    """Return a form as one expression, as monitors and SLOs take it."""
    by = tuple(by)
    written = dict(
        zip(ascii_lowercase, (query(one, scope, by) for one in form.terms), strict=False)
    )
    return "".join(written.get(word, word) for word in form.formula)


def is_counted(form: Form) -> bool:
    """Whether a form adds up events: its window sums them, where gauges are averaged."""
    return all(term.how == "count" for term in form.terms)
