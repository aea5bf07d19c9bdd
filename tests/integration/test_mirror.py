"""`tests/unit/` mirrors the package name for name, so that everybody finds a module's tests."""

import ast
from pathlib import Path

from tests.support.paths import ROOT, TESTS
from tests.unit.untested import UNTESTED

PACKAGE, UNIT = ROOT / "sse_observe", TESTS / "unit"


def names(root: Path, pattern: str) -> set[str]:
    """Return the files below a folder, by their paths from it."""
    return {path.relative_to(root).as_posix() for path in root.rglob(pattern)}


def defines(name: str) -> bool:
    """Whether a package's front has code of its own; most only pass names on."""
    passed_on = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign)
    body = ast.parse((PACKAGE / name).read_text()).body
    return any(not isinstance(node, passed_on) for node in body)


def called(name: str) -> str:
    """Return the name that a module's tests have; a package's front is called as the package."""
    return name.replace("/__init__.py", ".py")


FILES = names(PACKAGE, "*.py") - {"__main__.py"}
FRONTS = {name for name in FILES if name.endswith("__init__.py")}
MODULES = {called(name) for name in FILES if name not in FRONTS or defines(name)}
TESTED = {
    (Path(name).parent / Path(name).name.removeprefix("test_")).as_posix()
    for name in names(UNIT, "test_*.py")
}
# A protocol is held to its recorded streams: tests/integration/test_protocols.py.
SAMPLED = {f"protocols/{path.name.replace('-', '_')}.py" for path in (TESTS / "samples").iterdir()}


def test_each_module_has_a_test_of_its_name() -> None:
    """Whoever changes a module knows which file to run, or reads why there is none."""
    assert sorted(MODULES - TESTED - SAMPLED - UNTESTED.keys()) == []


def test_each_unit_test_has_its_module() -> None:
    """A module that moved takes its tests along."""
    assert sorted(TESTED - MODULES - {called(front) for front in FRONTS}) == []


def test_an_excuse_is_true_and_in_order() -> None:
    """A reason for having no test names a module that exists and has none."""
    assert sorted(UNTESTED.keys() - MODULES) == []
    assert sorted(UNTESTED.keys() & TESTED) == []
    assert list(UNTESTED) == sorted(UNTESTED)
    assert all(UNTESTED.values())
