"""The documents are true: tables are current, links lead somewhere, commands and names exist."""

import html
import inspect
import re
import subprocess
import sys
from importlib import import_module

import pytest

from sse_observe.cli.extras import commands
from sse_observe.render.settings import FILE_NAME
from tests.support import examples
from tests.support.documents import BLOCKS, written
from tests.support.documents.pictures import COLUMNS, pictures
from tests.support.paths import ROOT
from tests.support.snippets import pages

README = (ROOT / "README.md").read_text()
CODE = re.compile(r"^( *)(`{3,})\w*\n.*?^\1\2$", re.MULTILINE | re.DOTALL)
GENERATED = re.compile(r"<!-- sse-observe:.*?<!-- /sse-observe:\w+ -->", re.DOTALL)


@pytest.mark.parametrize("document", BLOCKS)
def test_generated_tables_are_as_their_sources_have_them(document: str) -> None:
    """A metric, alert or dashboard that a document lacks fails here; `make render` adds it."""
    assert written(document) == (ROOT / document).read_text(), "run: make render"


def test_pictures_of_a_terminal_are_what_the_commands_draw() -> None:
    """Each is text that fits 80 columns; those without colour have none, and fetch nothing."""
    drawn = pictures()

    for name, picture in drawn.items():
        # How it is drawn is rich's business, and differs by its version.
        assert text_of(picture) == text_of((ROOT / name).read_text()), "run: make render"
        assert max(map(len, text_of(picture))) <= COLUMNS
        assert "url(http" not in picture
    assert text_of(drawn["docs/assets/check.svg"]) == text_of(drawn["docs/assets/check-plain.svg"])


def text_of(picture: str) -> list[str]:
    """Return the lines that a picture shows."""
    rows: dict[str, str] = {}
    for row, words in re.findall(r'<text[^>]* y="([\d.]+)"[^>]*>([^<]*)</text>', picture):
        rows[row] = rows.get(row, "") + html.unescape(words).replace("\xa0", " ")
    return [line.strip() for line in rows.values()]


def test_the_readme_names_the_two_commands_that_do_all_the_set_up() -> None:
    """A stranger finds `make demo` and `make test`, and both exist."""
    makefile = (ROOT / "Makefile").read_text()

    for target in ("demo", "test"):
        assert f"make {target}" in README
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_the_readme_is_read_in_three_minutes() -> None:
    """Everything else has a page of its own."""
    assert len(README.splitlines()) <= 150


LINK = re.compile(r"\]\((?!\w+:)([^)#]*)(?:#([^)]*))?\)")
DOCUMENTS = [*map(str, pages()), "CONTRIBUTING.md", "DESIGN.md", "SECURITY.md", "CHANGELOG.md"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_local_link_leads_somewhere(name: str) -> None:
    """A reader who clicks finds a file, here and on the site; mkdocs proves the headings."""
    path = ROOT / name

    broken = [
        link
        for link, _ in LINK.findall(re.sub(r"`[^`\n]*`", "", CODE.sub("", path.read_text())))
        if link and not (path.parent / link).exists()
    ]

    assert broken == []


@pytest.mark.parametrize("name", DOCUMENTS[:-1])
def test_a_sentence_is_short(name: str) -> None:
    """At most thirty words, for a tired reader whose second language this is."""
    text = GENERATED.sub("", CODE.sub("", (ROOT / name).read_text()))
    text = re.sub(r"`[^`]*`|\]\([^)]*\)", " X ", text)
    prose = (line for line in text.splitlines() if not line.lstrip().startswith(("|", "#")))

    long = [
        sentence
        for line in prose
        for sentence in re.split(r"(?<=[.?!:;])\s+", line)
        if len(re.findall(r"\w[\w'-]*", sentence)) > 30
    ]

    assert long == []


def test_every_page_is_in_the_navigation_and_answers_in_its_first_screen() -> None:
    """A page that nobody can find helps nobody; one line of mkdocs.yml adds it."""
    listed = (ROOT / "mkdocs.yml").read_text()

    for page in pages():
        assert f"- {page}\n" in listed or f": {page}\n" in listed, page
        text = (ROOT / page).read_text()
        title, answer = text.split("\n\n")[:2]
        assert title.startswith("# "), page
        assert len(answer) < 700, page


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "DESIGN.md"])
def test_every_path_that_a_document_names_exists(name: str) -> None:
    """A path in a document that moved away sends a newcomer nowhere."""
    text = (ROOT / name).read_text()
    named = re.findall(r"`((?:sse_observe|tests|dashboards|alerts|runbooks)/[\w./-]*)`", text)

    assert [path for path in named if not (ROOT / path).exists()] == []


def test_a_decision_keeps_its_form_and_is_short() -> None:
    """Context, decision, price, in 120 words at most; the numbers go on without a gap."""
    design = (ROOT / "DESIGN.md").read_text()
    decisions = re.findall(r"^### (\d+)\. .*\n\n((?:.+\n)+)", design, re.MULTILINE)

    assert [int(number) for number, _ in decisions] == list(range(1, len(decisions) + 1))
    assert len(decisions) == design.count("\n### ")
    for number, text in decisions:
        parts = re.findall(r"^\*(\w+)\.\*", text, re.MULTILINE)
        assert parts == ["Context", "Decision", "Price"], number
        assert len(text.split()) <= 120, number


def test_every_option_of_the_commands_is_in_their_help() -> None:
    """Whoever asks for help sees each command with one line of its own."""
    command = [sys.executable, "-m", "sse_observe", "--help"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert commands()
    for name in commands():
        function = getattr(import_module(f"sse_observe.cli.{name}"), name)
        summary = inspect.getdoc(function).splitlines()[0]
        assert re.search(
            rf"^  {name.replace('_', '-')} +{re.escape(summary)}$", shown, re.MULTILINE
        )


def test_the_examples_are_as_the_targets_render_them() -> None:
    """One of each target stands in the repository, byte for byte; `make render` writes them."""
    there = {
        path.relative_to(examples.FOLDER).as_posix(): path.read_text()
        for path in examples.FOLDER.rglob("*")
        if path.is_file() and path != examples.FOLDER / FILE_NAME
    }

    assert there == examples.targets(), "run: make render"
