"""Snippets of the documents: the blocks of code that a reader copies."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.paths import ROOT

_FENCE = re.compile(
    r"^( *)(?P<ticks>`{3,})(?P<language>\w+)\n(?P<text>.*?)^\1(?P=ticks)$", re.MULTILINE | re.DOTALL
)


class Snippet(NamedTuple):
    """One block: the page, its number among the page's blocks of that language, its text."""

    page: str
    language: str
    number: int
    text: str

    @property
    def name(self) -> str:
        """The name of a test."""
        return f"{self.page}:{self.number}"


def pages() -> list[Path]:
    """Return the pages that people write, as paths from the root; no rendered file is one."""
    below = (path for path in (ROOT / "docs").rglob("*.md") if "examples" not in path.parts)
    return [path.relative_to(ROOT) for path in (ROOT / "README.md", *sorted(below))]


def snippets(language: str) -> list[Snippet]:
    """Return every block of a language, but those that are read off the source."""
    found = []
    for page in pages():
        if page.parts[:2] != ("docs", "reference"):
            text = (ROOT / page).read_text()
            blocks = [m["text"] for m in _FENCE.finditer(text) if m["language"] == language]
            found += [Snippet(str(page), language, n, block) for n, block in enumerate(blocks)]
    return found


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command of a console, without its settings of the environment."""
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    for line in lines:
        if not line.lstrip().startswith("$ "):
            continue
        for part in re.split(r"&&|\|(?!\|)", line.lstrip().removeprefix("$ ")):
            words = shlex.split(part, comments=True)
            while words and re.match(r"[A-Z_]+=", words[0]):
                words = words[1:]
            if words:
                yield words
