"""
Alert pages: YAML front matter with the facts, Markdown with the runbook's prose.

Reads one page at a time; whether it fits the rest of the catalogue is for `load` to say.
"""

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import yaml

from sse_observe.catalog.durations import seconds
from sse_observe.catalog.model import Alert, Compare, Guard, Severity, Window
from sse_observe.errors import CatalogError

_TERM = re.compile(r"(?P<signal>[a-zA-Z_:{}0-9]+) (?P<compare>[<>=!]+) (?P<threshold>\S+)")
_WORD = re.compile(r"(objective|budget)\.[a-z_]+")


class _Window(msgspec.Struct, forbid_unknown_fields=True, rename={"hold_for": "for"}):
    long: str
    short: str
    factor: float
    hold_for: str
    severity: Severity


class _Facts(
    msgspec.Struct,
    forbid_unknown_fields=True,
    rename={"hold_for": "for", "guards": "and"},
):
    when: str
    severity: Severity
    dashboard: str
    summary: str
    description: str
    hold_for: str = ""
    keep_firing_for: str | None = None
    guards: list[str] = []
    windows: list[_Window] = []


def read_page(path: Path, source: str) -> Alert:
    """
    Return the alert that a page describes; its stem is the alert's name.

    CatalogError names the page as `source`, one line for each fault.
    """
    text = path.read_text(encoding="utf-8")
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
    problems: list[str] = []
    term = _term(facts.when, "when", problems)
    guards = [_guard(text, problems) for text in facts.guards]
    if not facts.windows:
        _duration(facts.hold_for, "for", problems)
    for window in facts.windows:
        for key in ("long", "short", "hold_for"):
            _duration(getattr(window, key), f"windows.{key.removeprefix('hold_')}", problems)
    if facts.keep_firing_for is not None:
        _duration(facts.keep_firing_for, "keep_firing_for", problems)
    if facts.windows and (facts.hold_for or "{window}" not in facts.when):
        problems.append("windows: each window has its own `for`, and `when` names {window}")
    if problems:
        raise CatalogError("\n".join(f"{source}: {problem}" for problem in problems))
    return Alert(
        name=path.stem,
        source=source,
        signal=term["signal"],
        compare=term["compare"],
        threshold=term["threshold"],
        hold_for=facts.hold_for,
        severity=facts.severity,
        dashboard=facts.dashboard,
        summary=facts.summary.strip(),
        description=facts.description.strip(),
        prose=parts[2].strip() + "\n",
        keep_firing_for=facts.keep_firing_for,
        guards=tuple(guard for guard in guards if guard),
        windows=tuple(
            Window(
                long=window.long,
                short=window.short,
                factor=window.factor,
                hold_for=window.hold_for,
                severity=window.severity,
            )
            for window in facts.windows
        ),
    )


def _term(text: str, key: str, problems: list[str]) -> dict[str, Any]:
    """Take `signal op number` apart; a threshold may be an objective of the settings."""
    term = _TERM.fullmatch(" ".join(text.split()))
    if term is None or term["compare"] not in get_args(Compare):
        problems.append(f"{key}: {text!r} is no comparison; write `signal > number`")
        return {}
    found: dict[str, Any] = term.groupdict()
    if not _WORD.fullmatch(found["threshold"]):
        try:
            found["threshold"] = float(found["threshold"])
        except ValueError:
            problems.append(
                f"{key}: {found['threshold']!r} is no number; write one, or "
                "objective.completion or budget.completion"
            )
    return found


def _guard(text: str, problems: list[str]) -> Guard | None:
    term = _term(text, "and", problems)
    return None if problems else Guard(**term)


def _duration(text: str, key: str, problems: list[str]) -> None:
    try:
        seconds(text)
    except ValueError as error:
        problems.append(f"{key}: {error}")


def _one_line(error: yaml.YAMLError) -> str:
    """Say where YAML gave up, counted in lines of the page."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "not readable"
    # The front matter starts on the page's second line, and marks count from 0.
    return f"line {mark.line + 2}: {problem}" if mark else str(problem)
