"""
Alert pages: YAML front matter with the facts, Markdown with the runbook's prose.

Reads one page at a time; whether it fits the rest of the catalogue is for `cross_checks` to say.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

import msgspec
import yaml

from sse_observe.catalog.durations import seconds
from sse_observe.catalog.model import COMPARE, Alert, Compare, Comparison, Severity, Window
from sse_observe.errors import CatalogError

HEADINGS = (
    "Impact",
    "First five minutes",
    "Mitigation",
    "Meaning",
    "Diagnosis",
    "Root-cause fix",
    "False positives and tuning",
    "Escalation",
    "Related",
    "Test it",
)
"""The headings of every page, in this order; the runbook has the generated `Alert` before them."""

_COMPARISON = re.compile(r"(?P<signal>[a-zA-Z_:{}0-9]+) (?P<compare>[<>=!]+) (?P<threshold>\S+)")
_OBJECTIVE = re.compile(r"(objective|budget)\.[a-z_]+")


class _Facts(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={"hold_for": "for", "guards": "and"},
):
    """The front matter of a page, as it is written."""

    when: str
    severity: Severity
    dashboard: str
    summary: str
    description: str
    hold_for: str = ""
    keep_firing_for: str | None = None
    guards: tuple[str, ...] = ()
    windows: tuple[Window, ...] = ()


class _Page(NamedTuple):
    facts: _Facts
    prose: str


def read_page(path: Path, source: str) -> Alert:
    """
    Return the alert that a page describes; its stem is the alert's name.

    CatalogError names the page as `source`, one line for each problem.
    """
    facts, prose = _page(_text(path, source), source)
    problems = [f"{source}: {problem}" for problem in _problems(facts)]
    if problems:
        raise CatalogError("\n".join(problems))
    own = _comparison(facts.when)
    return Alert(
        name=path.stem,
        source=source,
        signal=own.signal,
        compare=own.compare,
        threshold=own.threshold,
        hold_for=facts.hold_for,
        severity=facts.severity,
        dashboard=facts.dashboard,
        summary=facts.summary.strip(),
        description=facts.description.strip(),
        prose=prose,
        keep_firing_for=facts.keep_firing_for,
        guards=tuple(_comparison(text) for text in facts.guards),
        windows=facts.windows,
    )


def _text(path: Path, source: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise CatalogError(f"{source}: {reason}; a page is Markdown") from None


def _page(text: str, source: str) -> _Page:
    parts = re.split(r"^---\n", text, maxsplit=2, flags=re.MULTILINE)
    if len(parts) != 3 or parts[0]:
        raise CatalogError(
            f"{source}: no front matter; begin the page with its facts in YAML "
            "between two lines of ---"
        )
    try:
        facts = msgspec.convert(yaml.safe_load(parts[1]), _Facts)
    except yaml.YAMLError as error:
        raise CatalogError(f"{source}: {_one_line(error)}; correct the YAML") from None
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        key = where.strip("`").removeprefix("$").lstrip(".") or "front matter"
        raise CatalogError(f"{source}: {key}: {what}; see a page beside it") from None
    except RecursionError:
        raise CatalogError(f"{source}: nested too deeply; correct the YAML") from None
    except ValueError as error:
        # A date such as 2026-99-99.
        raise CatalogError(f"{source}: {error}; put it in quotes") from None
    return _Page(facts, parts[2].strip() + "\n")


def _problems(facts: _Facts) -> Iterator[str]:
    """Yield each value that has the right type and is wrong, with its key."""
    yield from _comparison_problems("when", facts.when)
    for guard in facts.guards:
        yield from _comparison_problems("and", guard)
    if not facts.windows:
        yield from _duration_problems("for", facts.hold_for)
    for window in facts.windows:
        yield from _duration_problems("windows.long", window.long)
        yield from _duration_problems("windows.short", window.short)
        yield from _duration_problems("windows.for", window.hold_for)
    if facts.keep_firing_for is not None:
        yield from _duration_problems("keep_firing_for", facts.keep_firing_for)
    if facts.windows and (facts.hold_for or "{window}" not in facts.when):
        yield "windows: each window has its own `for`, and `when` names {window}"


def _comparison_problems(key: str, text: str) -> Iterator[str]:
    term = _COMPARISON.fullmatch(" ".join(text.split()))
    if term is None or term["compare"] not in COMPARE:
        yield f"{key}: {text!r} is no comparison; write `signal > number`"
        return
    try:
        _threshold(term["threshold"])
    except ValueError:
        yield (
            f"{key}: {term['threshold']!r} is no number; write one, or "
            "objective.completion or budget.completion"
        )


def _comparison(text: str) -> Comparison:
    """Take `signal > number` apart, once it is known to be one."""
    signal, compare, threshold = text.split()
    return Comparison(
        signal=signal, compare=cast("Compare", compare), threshold=_threshold(threshold)
    )


def _threshold(text: str) -> float | str:
    return text if _OBJECTIVE.fullmatch(text) else float(text)


def _duration_problems(key: str, text: str) -> Iterator[str]:
    try:
        seconds(text)
    except ValueError as error:
        yield f"{key}: {error}"


def _one_line(error: yaml.YAMLError) -> str:
    """Say where YAML gave up, counted in lines of the page."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "not readable"
    # The front matter starts on the page's second line, and marks count from 0.
    return f"line {mark.line + 2}: {problem}" if mark else str(problem)
