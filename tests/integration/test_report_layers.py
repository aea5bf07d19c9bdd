"""The report has layers of its own: who may import whom within it."""

import ast

import pytest

from tests.support.paths import ROOT

REPORT = ROOT / "sse_observe" / "report"
MAY_IMPORT = {
    "units": set[str](),
    "window": set[str](),
    "query": {"window"},
    "logs": {"window"},
    "findings": {"query", "units", "window"},
    "output": {"findings", "logs", "query", "units", "window"},
    "run": {"findings", "logs", "output", "query", "window"},
}


def part_of(module: str) -> str | None:
    """Return the part of the report that a module belongs to; None for others."""
    inside = module.removeprefix("sse_observe.report.")
    return None if inside == module else inside.split(".")[0]


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_no_part_imports_what_is_above_it(part: str) -> None:
    """Queries know no finding, findings no HTML, and logs neither."""
    files = [REPORT / f"{part}.py", *(REPORT / part).glob("*.py")]
    imported = {
        above
        for file in files
        if file.exists()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and (above := part_of(node.module or "")) is not None
    }

    assert imported - {part} <= MAY_IMPORT[part]


def test_every_part_is_on_a_layer() -> None:
    """A new part of the report is put on a layer on purpose, or this fails."""
    parts = {path.stem for path in REPORT.iterdir()} - {"__init__", "__pycache__"}

    assert parts == set(MAY_IMPORT)
