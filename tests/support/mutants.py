"""
Mutants of the rules: the slips of the pen that PromQL forgives, one at a time.

Knows PromQL as text and nothing of what a rule means.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_TURNED = {">": "<", ">=": "<", "<": ">", "<=": ">", "==": "!=", "!=": "=="}
_COMPARISON = re.compile(r" (>=|<=|==|!=|>|<)(?= )")
_AGGREGATION = re.compile(r"\b(?:sum|max|min|count) by \([^)]*\) (?=\()")
_MATCHING = re.compile(r" (?:on|ignoring) \([^)]*\)(?: group_left \(\))?")
_OVER_TIME = re.compile(r"\b(?:rate|increase)\((?P<inner>[^()\[\]]+)\[[^\]]+\]\)")
_ABSENT = re.compile(r"\s+or 0 \* ")
# `sum by (…) (…)` is one term.
_AGGREGATING = re.compile(r"\w+(?: by(?: \([^)]*\))?)?")
_SUFFIX = re.compile(r"(?<=[a-z])_bucket\b")


@dataclass(frozen=True)
class Mutant:
    """A changed expression, and the slip that it stands for."""

    slip: str
    expr: str


def mutants(expr: str) -> Iterator[Mutant]:
    """Yield every listed slip at every place of an expression."""
    yield from _dropped("rate", _OVER_TIME, expr, lambda match: match["inner"])
    yield from _dropped("aggregation", _AGGREGATION, expr, lambda _: "")
    yield from _dropped("matching", _MATCHING, expr, lambda _: "")
    yield from _dropped("suffix", _SUFFIX, expr, lambda _: "")
    for match in _ABSENT.finditer(expr):
        end = _term(expr, match.end())
        yield Mutant("or 0 *", expr[: match.start()] + expr[end:])
    for match in _COMPARISON.finditer(expr):
        turned = f" {_TURNED[match[1]]}"
        yield Mutant("comparison", expr[: match.start()] + turned + expr[match.end() :])
    # A line of an alert that begins with `and` is a guard.
    lines = expr.split("\n")
    for i, line in enumerate(lines):
        if line.startswith("and "):
            yield Mutant("guard", "\n".join(lines[:i] + lines[i + 1 :]))
    for match in re.finditer(
        r"\((?P<inner>[^()]*(?:\([^()]*(?:\([^()]*\))*[^()]*\))*[^()]*?) > 0\)", expr
    ):
        yield Mutant(
            "zero guard", f"{expr[: match.start()]}({match['inner']}){expr[match.end() :]}"
        )


def _dropped(
    slip: str, pattern: re.Pattern[str], expr: str, left: Callable[[re.Match[str]], str]
) -> Iterator[Mutant]:
    for match in pattern.finditer(expr):
        yield Mutant(slip, expr[: match.start()] + left(match) + expr[match.end() :])


def _term(expr: str, start: int) -> int:
    """Return where the term that starts here ends: at its closing bracket, or a space outside."""
    depth = 0
    for at in range(start, len(expr)):
        if expr[at] in "([{":
            depth += 1
        elif expr[at] in ")]}":
            depth -= 1
            if depth < 0:
                return at
        elif expr[at] in " \n" and not depth and not _AGGREGATING.fullmatch(expr[start:at]):
            return at
    return len(expr)
