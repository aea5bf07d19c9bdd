"""The documents are true: snippets run, tables are current, commands and names exist."""

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_tables_of_the_readme_are_those_of_the_catalogue() -> None:
    """A metric, alert or dashboard that is not in the README fails here; `make render` mends it."""
    written = runpy.run_path(str(ROOT / "tests" / "readme.py"))["written"]

    assert written(README) == README, "run: make render"


def test_the_readme_names_the_two_commands_that_do_all_the_set_up() -> None:
    """A stranger finds `make demo` and `make test`, and both exist."""
    makefile = (ROOT / "Makefile").read_text()

    for target in ("demo", "test"):
        assert f"make {target}" in README
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_every_local_link_of_the_readme_leads_somewhere(link: str) -> None:
    """A reader who clicks finds a file."""
    assert (ROOT / link).exists()


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "DESIGN.md"])
def test_every_path_that_a_document_names_exists(name: str) -> None:
    """A path in a document that moved away sends a newcomer nowhere."""
    text = (ROOT / name).read_text()
    named = re.findall(r"`((?:sse_observe|tests|dashboards|alerts|runbooks)/[\w./-]*)`", text)

    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_option_of_the_commands_is_in_their_help() -> None:
    """Whoever asks for help sees each command with one line of its own."""
    source = ast.parse((ROOT / "sse_observe" / "commands.py").read_text())
    commands = [
        node
        for node in source.body
        if isinstance(node, ast.FunctionDef)
        and any("app.command" in ast.unparse(mark) for mark in node.decorator_list)
    ]
    command = [sys.executable, "-m", "sse_observe", "--help"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert commands
    for node in commands:
        assert node.name in shown
        assert (ast.get_docstring(node) or "").splitlines()[0][:40] in shown
