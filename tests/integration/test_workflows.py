"""The workflow files: valid, without a weakness that a tool finds, over commands that exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
BIN = Path(sys.executable).parent


def run(*command: str | Path) -> str:
    done = subprocess.run(
        [str(word) for word in command], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_workflows_are_what_github_takes() -> None:
    """A key that GitHub does not know is found here, and not after a tag."""
    check = BIN / "check-jsonschema"
    run(check, "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)
    run(check, "--builtin-schema", "vendor.github-actions", ROOT / "action.yml")


def test_no_weakness_is_found_in_them() -> None:
    """Zizmor knows how workflows are taken over: it finds nothing, not even what is low."""
    found = run(BIN / "zizmor", "--offline", ROOT / ".github", ROOT / "action.yml")

    assert "No findings to report" in found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_whatever_they_make_is_in_the_menu(path: Path) -> None:
    """A target that was renamed fails here, but for the documentation's, which is optional."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    made = re.findall(r"run: make ([a-z -]+)", path.read_text())

    assert {word for words in made for word in words.split()} <= targets | {"docs"}
