"""The house stands as it is drawn in DESIGN.md: who may import whom, and who alone imports what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sse_observe"

# Higher may import lower and its own floor's modules; the two wings never each other.
GROUND = {
    "errors": 0,
    "wire": 0,
    "families": 0,
    "processes": 0,
    "metrics": 1,
    "registry": 1,
    "routes": 1,
    "headers": 1,
    "tokens": 1,
}
GROUND |= dict.fromkeys(("stream", "tally", "sender", "cursors", "flush", "ledger", "traces"), 2)
RUNTIME = {"current", "server", "middleware", "exposition", "port", "beacon", "tcp", "reference"}
RUNTIME |= {"consumer", "watcher"}
BUNDLE = {"catalog", "render", "report"}
TOP = {"lab", "commands", "cli", "__main__"}
ONLY_IMPORTER = {
    "grafanalib": "render/boards.py",
    "jinja2": "render/text.py",
    "aiohttp": "consumer/transport.py",
    "plotly": "report/page.py",
}
FRAMEWORKS = {"fastapi", "starlette", "django", "sse_starlette"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative imports hide the floors"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms_imported(path: Path) -> set[str]:
    return {
        name.split(".")[1]
        for name in imports(path)
        if name.startswith("sse_observe.") and name.split(".")[1] in known_rooms()
    }


def known_rooms() -> set[str]:
    return {room_of(path) for path in modules()} - {"__init__"}


def test_every_room_has_its_floor() -> None:
    """A new module is put on a floor on purpose, or this fails."""
    drawn = set(GROUND) | RUNTIME | BUNDLE | TOP

    assert known_rooms() <= drawn, f"not on the drawing: {known_rooms() - drawn}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_no_module_imports_upwards_or_across(path: Path) -> None:
    """The runtime wing never loads the bundle wing, and nothing below loads what stands on it."""
    room = room_of(path)
    found = rooms_imported(path) - {room}
    if room in GROUND:
        allowed = {name for name, floor in GROUND.items() if floor <= GROUND[room]}
    elif room in RUNTIME or room == "__init__":
        allowed = set(GROUND) | RUNTIME
    elif room == "catalog":
        allowed = {"errors", "metrics"}
    elif room == "render":
        allowed = {"errors", "metrics", "catalog"}
    elif room == "report":
        allowed = {"errors", "metrics", "catalog", "render"}
    else:
        allowed = set(GROUND) | RUNTIME | BUNDLE | TOP

    assert found <= allowed, f"{name_of(path)} imports {found - allowed}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_each_heavy_library_has_one_importer(path: Path) -> None:
    """Grafanalib is known to one module, jinja2 to another, a web framework to none."""
    tops = {name.split(".")[0] for name in imports(path)}

    for library, owner in ONLY_IMPORTER.items():
        assert library not in tops or name_of(path) == owner
    assert room_of(path) in TOP or not tops & FRAMEWORKS


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_no_module_outgrows_its_noun(path: Path) -> None:
    """A file over 400 lines holds two nouns."""
    assert len(path.read_text().splitlines()) <= 400


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
    """What is promised can be had, and the lazy table names the module that type checkers read."""
    import sse_observe

    read = imports(PACKAGE / "__init__.py")
    for name in sse_observe.__all__:
        (home,) = (path.removesuffix(f".{name}") for path in read if path.endswith(f".{name}"))
        assert getattr(sse_observe, name).__module__.startswith(home)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sse_observe.nothing
