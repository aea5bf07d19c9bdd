"""
PromQL as text: where names, selectors and ranges stand in a query.

Knows how strings are quoted, and no series. The template words of the catalogue pass through.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_STRING = r'"(?:\\.|[^"\\\n])*"'
# A string is one token, so that no label value is taken for a name.
_TOKEN = re.compile(rf"{_STRING}|(?<![\w:])(?P<name>[a-zA-Z_:][\w:]*)(?P<braced>\{{)?")
_RANGED = re.compile(rf'([a-zA-Z_:][\w:]*)(?:\{{(?:{_STRING}|[^"{{}}])*\}})?\[')
_MATCHER = re.compile(rf"\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*({_STRING})\s*")
_MATCHERS = re.compile(rf"{_MATCHER.pattern}(?:,{_MATCHER.pattern})*,?\s*")

# A wrapper that keeps each series' own value; `sum` does not, so a sum has no alert's threshold.
_WRAPPER = re.compile(
    r"^(?:(?:top|bottom)k\s*\(\s*\d+\s*,|(?:min|max)\s*(?:by\s*\([^)]*\)\s*)?\()(?P<inner>.*)\)$",
    re.DOTALL,
)
# A filter leaves the values that pass as they are.
_FILTER = re.compile(r"^(?P<inner>.*\S)\s*(?:[<>]=?)\s*[0-9.]+$", re.DOTALL)
_SELECTOR = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{[^{}]*\})?$")


class Matcher(NamedTuple):
    """One label matcher of a selector; `quoted` is its value as it is written."""

    label: str
    operator: str
    quoted: str

    @property
    def value(self) -> str:
        """Its value as it is meant."""
        return str(json.loads(self.quoted))

    def __str__(self) -> str:
        """Return it as PromQL."""
        return f"{self.label}{self.operator}{self.quoted}"


def matchers(selector: str) -> list[Matcher] | None:
    """Return the matchers of a selector, with or without its braces; None where it is none."""
    text = selector.strip().strip("{}")
    if not _MATCHERS.fullmatch(text):
        return None
    return [Matcher(*found.groups()) for found in _MATCHER.finditer(text)]


def names(text: str) -> Iterator[str]:
    """Yield every name in a query, in order: series, functions, labels, keywords."""
    return (token["name"] for token in _TOKEN.finditer(text) if token["name"])


def renamed(text: str, change: Callable[[str], str]) -> str:
    """Return the query with each name changed."""
    return _TOKEN.sub(
        lambda token: (
            change(token["name"]) + (token["braced"] or "") if token["name"] else token[0]
        ),
        text,
    )


def narrowed(text: str, extra: Callable[[str], str | None]) -> str:
    """Return the query with more matchers in its selectors; `extra` gives those of a series."""

    def add(token: re.Match[str]) -> str:
        more = extra(token["name"]) if token["name"] else None
        if not more:
            return token[0]
        return f"{token['name']}{{{more}{', ' if token['braced'] else '}'}"

    return _TOKEN.sub(add, text)


def ranged(text: str) -> set[str]:
    """Return the series that a query reads over a range of time."""
    return set(_RANGED.findall(text))


def plotted(text: str) -> str | None:
    """Return the series that a query shows as it is; None where it computes something else."""
    # `… and topk(…)` chooses lines; those that stay are as they were.
    text = text.strip().partition(" and ")[0]
    while wrapped := _WRAPPER.match(text) or _FILTER.match(text):
        text = wrapped["inner"].strip()
    name = _SELECTOR.match(text)
    return name["name"] if name else None
