"""The package has the layers that DESIGN.md draws: who may import whom, who alone imports what."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import sse_observe
from tests.support.paths import ROOT

PACKAGE = ROOT / "sse_observe"
DRAWING = re.search(r"## Layers\n\n```\n(.*?)```", (ROOT / "DESIGN.md").read_text(), re.DOTALL)
ONLY_IMPORTER = {
    "grafanalib": "render/grafana/boards.py",
    "jinja2": "render/text.py",
    "aiohttp": "consumer/transport.py",
    "plotly": "report/output/scripts.py",
}
FRAMEWORKS = {"fastapi", "starlette", "django", "sse_starlette", "litestar", "quart"}
FRAMEWORKS |= {"flask", "werkzeug", "blacksheep"}
TOP = {"lab", "cli", "__main__"}
LONG_FUNCTIONS = {
    "check": "each option of a command takes its lines",
    "report": "each option of a command takes its lines",
    "drill": "each option of a command takes its lines",
    "resume_stream": "half of it is a public signature and its docstring",
}
"""Functions over sixty lines, each with what it would lose by being cut."""


def layers() -> dict[str, tuple[int, str]]:
    """Return each part of the package with its layer (0 is the lowest) and its side."""
    assert DRAWING is not None, "DESIGN.md: no drawing under '## Layers'"
    found = {}
    for line in DRAWING[1].splitlines():
        layer, _, sides = line.partition("|")
        if not layer.strip().isdigit():
            continue
        for side, names in zip(("runtime", "bundle"), sides.split("|"), strict=False):
            for name in re.findall(r"\b[a-z_]+\b", names):
                both = name in found or len(sides.split("|")) == 1
                found[name] = (int(layer), "both" if both else side)
    return found


LAYERS = layers()


@cache
def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative imports hide the layers"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@cache
def parts() -> set[str]:
    return {part_of(path) for path in modules()} - {"__init__"}


def parts_imported(path: Path) -> set[str]:
    names = (name.split(".") for name in imports(path) if name.startswith("sse_observe."))
    return {name[1] for name in names if name[1] in parts()}


def test_every_part_is_in_the_drawing() -> None:
    """A new package is put on a layer on purpose, or this fails."""
    assert parts() - {"__main__"} == set(LAYERS)


def test_no_module_imports_upwards_or_across() -> None:
    """The runtime never loads the bundle, and nothing below loads what stands on it."""
    for path in modules():
        part = part_of(path)
        if part == "__main__":
            continue
        layer, side = (len(LAYERS), "runtime") if part == "__init__" else LAYERS[part]
        for other in parts_imported(path) - {part}:
            below, its_side = LAYERS[other]
            arrow = f"{name_of(path)} imports {other}"
            assert below < layer, f"{arrow}, which is not below it"
            assert "both" in (side, its_side) or side == its_side, arrow


def test_each_heavy_library_has_one_importer() -> None:
    """Grafanalib is known to one module, jinja2 to another, a web framework to none."""
    for path in modules():
        tops = {name.split(".")[0] for name in imports(path)}
        for library, owner in ONLY_IMPORTER.items():
            assert library not in tops or name_of(path) == owner
        assert part_of(path) in TOP or not tops & FRAMEWORKS, name_of(path)


def test_no_circle_of_modules() -> None:
    """Each module can be read with what it imports read before."""
    known = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in modules()}
    known = {name.removesuffix(".__init__"): path for name, path in known.items()}
    arrows = {name: imports(path) & set(known) - {name} for name, path in known.items()}
    # A package's front only re-exports; whoever imports a module of it also runs the front.
    arrows = {name: to for name, to in arrows.items() if known[name].name != "__init__.py"}
    while free := {name for name, to in arrows.items() if not to & set(arrows)}:
        arrows = {name: to for name, to in arrows.items() if name not in free}

    assert arrows == {}


def test_no_module_outgrows_its_noun() -> None:
    """A file over 400 lines holds two nouns."""
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in modules()}

    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_no_function_outgrows_a_screen() -> None:
    """A function over sixty lines is listed with its reason, or it is two functions."""
    long = {
        node.name
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - node.lineno >= 60
    }

    assert long == set(LONG_FUNCTIONS)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=name_of)
def test_each_package_says_what_it_owns(path: Path) -> None:
    """A newcomer who opens a package reads first what belongs there."""
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_importing_the_package_loads_no_tool_of_the_bundle() -> None:
    """A web worker pays for prometheus_client and msgspec, never for grafanalib or jinja2."""
    code = (
        "import sys; from sse_observe import *; import sse_observe.reference;"
        "heavy = {'grafanalib', 'jinja2', 'yaml', 'typer', 'rich', 'starlette', 'aiohttp'};"
        "print(*sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )

    assert loaded.stdout.strip() == ""


def test_every_public_name_is_there_and_has_one_home() -> None:
    """Each public name can be had, and the lazy table names the module that type checkers read."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    homes = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for name in sse_observe.__all__:
        assert getattr(sse_observe, name).__module__.startswith(homes[name])
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sse_observe.nothing
