"""One word means one thing: the words of 0.1.0 that the field has better ones for are gone."""

import ast
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.paths import ROOT, tracked


class Word(NamedTuple):
    """An old word as a pattern, the one to use, and the only folders where it is old."""

    old: str
    use: str
    folders: tuple[str, ...] = ("",)


def in_part(name: str) -> tuple[str, ...]:
    """Return where a part of the package and its tests lie."""
    return (f"sse_observe/{name}", f"tests/unit/{name}")


WORDS = (
    Word("ledgers?", "StreamTracker, tracker"),
    Word("books?", "counts, counters"),
    Word("heirs?", "new_owner"),
    Word("tally|tallies|tallied", "RouteCounts, event_counter"),
    Word("notes?|noted", "MessageBuffer, add", in_part("middleware")),
    Word("drains?|drained", "count_pending", in_part("middleware")),
    Word("settles?|settled|settling", "update_totals", in_part("middleware")),
    Word("revives?|revived", "end_stall"),
    Word("look closely", "force_full_parse"),
    Word("odd", "handle_other", in_part("middleware")),
    Word("deaf|deafness", "watch_disconnect"),
    Word("watchers?", "disconnect", in_part("middleware")),
    Word("patients?", "interval: slow"),
    Word("fates?", "outcome"),
    Word("births?|born", "started streams; started, created"),
    Word("verdicts?", "SLI", (*in_part("catalog"), *in_part("render"))),
    Word("promises?|promised", "SLO, objective; what is stated"),
    Word("moments?", "worst minutes", in_part("report")),
    Word("suspects?", "impact"),
    Word("excess", "distance from the limit"),
    Word("surveys?", "batch of queries"),
    Word("wordings?|worded", "query builder; written"),
    Word("drawings", "charts"),
    Word("digests?", "summary"),
    Word("happenings?|(is|are) happening", "event"),
    Word("scenes?", "environment"),
    Word("(?<!of )courses?", "scenario run"),
    Word("theirs|their stack", "external_stack", (*in_part("lab"), *in_part("cli"))),
    Word("houses?|floors|rooms|wings?", "architecture, layers"),
    Word("guides?", "the number or its reason; at most the brief"),
    Word("lab (programs )?wire", "lossy_network"),
    Word("lab (drill )?broken", "faulty_apps"),
    Word("is dead to", "counts as down"),
    Word("places to stand", "parser states"),
)
# As a name each says nothing; in a sentence each is plain English.
NAMES = {"told", "said"}
# A name of a library, of the language or of a protocol is not ours to change.
NOT_OURS = re.compile(
    r"hexdigest|digest_size|\.digest\(|compare_digest|basic\|digest"  # hashlib, hmac, HTTP
    r"|\bverdict(?=[=!~:\")])"  # the label of sse_streams_judged_total, whose name was given
    r"|\bPromise\b|\.allSettled\b|/promises"  # JavaScript
)
# It names the guide that the product implements.
HISTORY = {"DESIGN.md": {"guides?"}}
# The catalogue is read instead of what is rendered from it; this file holds the list, and changes
# are told in the words of before.
DERIVED = (
    *("dashboards/", "alerts/", "runbooks/"),
    *("tests/integration/test_words.py", "CHANGELOG.md"),
)
PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")


def texts() -> list[Path]:
    """Return the files whose words count."""
    names = (path for path in tracked() if not path.as_posix().startswith(DERIVED))
    return [path for path in names if path.suffix not in (".webp", ".png")]


def plain(line: str) -> str:
    """Return a line as words in small letters: of names and of prose alike."""
    return " ".join(part.lower() for part in PARTS.findall(NOT_OURS.sub(" ", line)))


@cache
def plain_texts() -> dict[str, str]:
    """Return the plain lines of each file by its path, which is line 0 of them."""
    return {
        path.as_posix(): "\n".join(
            map(plain, [path.as_posix(), *(ROOT / path).read_text().splitlines()])
        )
        for path in texts()
    }


@cache
def vocabulary() -> str:
    """Return every word that stands anywhere, once."""
    return "\n".join({word for text in plain_texts().values() for word in text.split()})


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.old)
def test_an_old_word_is_gone(word: Word) -> None:
    """Code, comments, tests and pages say it in the field's own terms."""
    old = re.compile(rf"\b(?:{word.old})\b")
    # Of most there is none: to search each file for each of them would take seconds.
    single = " " not in word.old
    searched = {} if single and not old.search(vocabulary()) else plain_texts()

    found = [
        f"{path}:{text.count(chr(10), 0, match.start())}"
        for path, text in searched.items()
        if path.startswith(word.folders) and word.old not in HISTORY.get(path, ())
        for match in old.finditer(text)
    ]

    assert found == [], f"use: {word.use}"


def names_in(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the names of a Python file with their lines, if one of those may be among them."""
    text = (ROOT / path).read_bytes()
    if not any(name.encode() in text for name in NAMES):
        return
    for token in tokenize.tokenize(BytesIO(text).readline):
        if token.type == tokenize.NAME:
            yield token.string, token.start[0]


def python() -> list[Path]:
    """Return the Python files whose words count."""
    return [path for path in texts() if path.suffix == ".py"]


def test_a_name_says_what_it_holds() -> None:
    """A list of lines is called lines, not after what was done to it."""
    found = [
        f"{path}:{line}: {name}"
        for path in python()
        for name, line in names_in(path)
        if name.strip("_") in NAMES
    ]

    assert found == []


ASKING = re.compile(r"(What|Who)\b")


def docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """Yield docstrings with their owners' names, of a Python file that may hold a wrong one."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    text = (ROOT / path).read_text()
    if not ASKING.search(text):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, owners) and (text := ast.get_docstring(node)):
            yield getattr(node, "name", "the module"), text


def test_no_docstring_begins_with_a_question_word() -> None:
    """A docstring says what is done or what it is: its first word is a verb or a noun."""
    asking = [
        f"{path}: {owner}"
        for path in python()
        for owner, text in docstrings(path)
        if ASKING.match(text)
    ]

    assert asking == []
