"""Packages of npm that the tests of the client use; `make setup` installs them."""

from pathlib import Path

from tests.support.paths import ROOT
from tests.support.programs import absent

FOLDER = ROOT / "tests" / "js" / "node_modules"


def needs_package(name: str) -> Path:
    """Return a package's folder; without it fail in CI, and skip with the reason elsewhere."""
    found = FOLDER / name
    if not found.is_dir():
        absent(f"the npm package {name} is not installed; `make setup` installs it")
    return found
