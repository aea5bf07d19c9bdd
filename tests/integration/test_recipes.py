"""The recipes of CONTRIBUTING.md, followed: they name every file to touch, and end in green."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.paths import ROOT, tracked

pytestmark = [pytest.mark.slow, pytest.mark.long]

Change = Callable[[str], str]
"""From a file's text, empty where there is none yet, to its new one."""

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
RENDERED = (
    "dashboards/",
    "alerts/",
    "runbooks/",
    "docs/examples/targets/",
    "docs/operations/sizing.md",
    "docs/reference/",
)
RENDER = (("sse_observe", "render"), ("tests.support.documents",))
# What follows from that again, and says nothing of which files a recipe touches.
RENDER_ALL = (*RENDER, ("tests.support.examples",), ("tests.support.contract", "--render"))
CHECKS = (
    ("ruff", "format", "-q"),
    ("ruff", "check", "-q"),
    ("mypy",),
    ("sse_observe", "render", "--check"),
    ("mkdocs", "build", "--strict", "-q"),
)
TESTS_BESIDE = (
    "tests/unit/catalog",
    "tests/unit/cli",
    "tests/unit/render",
    "tests/unit/test_metrics.py",
    "tests/integration/test_docs.py",
    "tests/integration/test_layers.py",
    "tests/integration/test_mirror.py",
    "tests/integration/test_words.py",
)
"""The tests of what reads metrics and catalogue, and those that look at the whole repository."""


# Whether there is room for one more series is no question of the recipe.
BUDGET = "tests/unit/test_metrics.py::test_a_route_stays_within_the_series_budget"


def after(anchor: str, lines: str) -> Change:
    """Return a change that puts lines after a text that stands there once."""

    def change(text: str) -> str:
        assert text.count(anchor) == 1, f"{anchor!r} stands there {text.count(anchor)} times"
        return text.replace(anchor, f"{anchor}{lines}")

    return change


def twin(pattern: str, *replaced: tuple[str, str]) -> Change:
    """Return a change that repeats what matches, with other words in it."""

    def change(text: str) -> str:
        [found] = re.findall(pattern, text, re.MULTILINE | re.DOTALL)
        copied = found
        for old, new in replaced:
            assert old in copied
            copied = copied.replace(old, new)
        return text.replace(found, copied + found)

    return change


def both(first: Change, second: Change) -> Change:
    """Return a change that makes two."""
    return lambda text: second(first(text))


def new(text: str) -> Change:
    """Return a change that writes a new file; its first line break is only for the reader."""
    return lambda _: text.removeprefix("\n")


def another_page(_: str) -> str:
    """Return an alert's page, as one copies it from a neighbour."""
    text = (ROOT / "sse_observe/catalog/alerts/SSEEventsOversized.md").read_text()
    text = text.replace("SSEEventsOversized", "SSEEventsHuge").replace("> 0.1\n", "> 0.5\n")
    return re.sub(r"`sse-observe drill .*\n", "", text)


BOARD = "sse_observe/catalog/dashboards/stall_detection.py"
PANEL = r'^    lines\(\n        "Stalled streams",\n.*?^    \),\n'

RECIPES: Mapping[str, Mapping[str, Change]] = {
    "Add an alert": {"sse_observe/catalog/alerts/SSEEventsHuge.md": another_page},
    "Add a signal": {
        "sse_observe/catalog/signals/recordings.py": after(
            '    gauge("sse_stalled_streams"),\n', '    gauge("sse_orphaned_streams"),\n'
        ),
        BOARD: twin(
            PANEL,
            ("Stalled streams", "Orphaned streams"),
            ("decimals=1", "width=24"),
            ("route:sse_streams_stalled:ratio5m", "route:sse_orphaned_streams:sum"),
        ),
    },
    "Add a panel": {
        # In a collapsed row: what is drawn at once is limited, and the recipe above adds to that.
        BOARD: after(
            '        "them together are you.",\n        no_value=NO_REPORTS,\n    ),\n',
            "    lines(\n"
            '        "Streams ended within 1h by network",\n'
            '        "count",\n'
            '        "Streams that ended within an hour, by the network they were opened on.",\n'
            '        sum_by("network_type", "route_split:sse_streams_ended:increase1h"),\n'
            "        colours=NETWORK_COLOURS,\n"
            "        width=24,\n"
            "    ),\n",
        ),
    },
    "Add a metric": {
        "sse_observe/metrics/server.py": after(
            "METRICS = (\n",
            '    Metric("sse_admitted_total", "counter", ROUTE, "Streams admitted."),\n',
        ),
        "sse_observe/middleware/route_counts.py": after(
            '    open: int = moves("sse_concurrent_streams")\n',
            '    admitted: int = moves("sse_admitted_total")\n',
        ),
        "sse_observe/middleware/tracker.py": after(
            "            counts.open += 1\n", "            counts.admitted += 1\n"
        ),
        "tests/unit/middleware/test_tracker.py": lambda text: (
            f"{text}\n\n"
            "def test_each_stream_is_admitted_once(observe, metrics):\n"
            '    """It counts as soon as its response starts."""\n'
            "    drive(observe(streaming(EVENT)))\n\n"
            '    assert value(metrics, "sse_admitted_total") == 1\n'
        ),
    },
    "Add a command": {
        "sse_observe/cli/signals.py": new('''
"""`sse-observe signals`: list the recorded series."""

import typer

EXTRA = "render"


def signals() -> None:
    """List the signals."""
    from sse_observe.catalog.load import load

    for signal in load().signals:
        typer.echo(signal.record)
'''),
        "tests/unit/cli/test_signals.py": new('''
"""`sse-observe signals`: all of them."""

from typer.testing import CliRunner

from sse_observe.cli.app import app


def test_signals_are_listed() -> None:
    """One line for each."""
    assert "route:sse_stalled_streams:sum" in CliRunner().invoke(app, ["signals"]).stdout
'''),
    },
    "Add a target": {
        "sse_observe/render/targets/plain.py": new('''
"""The names of all rendered files, for whoever copies them by hand."""

from sse_observe.render.banner import banner
from sse_observe.render.target import Rendering, Target


def names(rendering: Rendering) -> dict[str, str]:
    """Return one file that lists the others."""
    lines = (f"# {banner('sse-observe.yaml')}", *rendering.files)
    return {"plain/files.txt": "".join(f"{line}\\n" for line in lines)}


TARGET = Target(folders={"plain": ("files.txt",)}, render=names)
'''),
        "tests/unit/render/targets/test_plain.py": new('''
"""The list of files."""

from sse_observe.render.bundle import bundle


def test_every_file_is_listed() -> None:
    """Nothing is left to be copied that is not named."""
    files = bundle(None, targets=["plain"]).files

    assert {name for name in files if name not in files["plain/files.txt"]} == {"plain/files.txt"}
'''),
    },
    "Add a page": {
        "docs/trains.md": lambda _: "# Streams on a train\n\nThey break in tunnels.\n",
        "mkdocs.yml": after("      - docs/report.md\n", "      - docs/trains.md\n"),
    },
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the repository, with a git of its own."""
    copy = tmp_path_factory.mktemp("repository")
    for path in tracked():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, copy / path)
    if (ROOT / ".mypy_cache").is_dir():
        # Or mypy would read everything anew.
        shutil.copytree(ROOT / ".mypy_cache", copy / ".mypy_cache")
    run(copy, "git", "init", "-q")
    run(copy, "git", "add", "-A")
    run(copy, *("git", "-c", "user.name=x", "-c", "user.email=x@x"), "commit", "-q", "-m", "x")
    return copy


@pytest.fixture
def copy(repository: Path) -> Iterator[Path]:
    """Return the copy as it was; what a tool remembers in ignored files may stay."""
    yield repository
    run(repository, "git", "reset", "-q", "--hard")
    run(repository, "git", "clean", "-qfd")


def run(folder: Path, *command: str) -> str:
    """Run a command in a folder; its words are the failure where it fails."""
    done = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-6000:]}{done.stderr[-3000:]}"
    return done.stdout


def changed(folder: Path) -> set[str]:
    """Return the files that are other than committed, new ones too."""
    lines = run(folder, "git", "status", "--porcelain", "-uall").splitlines()
    return {line[3:] for line in lines}


def named(title: str) -> list[str]:
    """Return the files that a recipe names, as patterns."""
    recipe = re.search(rf"^### {title}\n\nFiles: (.*)\.$", CONTRIBUTING, re.MULTILINE)
    assert recipe, f"CONTRIBUTING.md: `### {title}` and its line `Files: …` are missing"
    return [re.sub(r"<\w+>", r"\\w+", name) for name in re.findall(r"`([^`]+)`", recipe[1])]


def follow(folder: Path, *titles: str, render: Iterable[tuple[str, ...]] = RENDER) -> set[str]:
    """Change the files of some recipes, and render; return their names."""
    changes = [each for title in titles for each in RECIPES[title].items()]
    for name, change in changes:
        path = folder / name
        path.write_text(change(path.read_text() if path.exists() else ""))
    for words in render:
        run(folder, sys.executable, "-m", *words)
    return {name for name, _ in changes}


def test_every_recipe_is_followed() -> None:
    """A recipe that nobody follows grows wrong."""
    recipes = CONTRIBUTING.partition("## Recipes\n")[2].partition("\n## ")[0]

    assert re.findall(r"^### (.*)$", recipes, re.MULTILINE) == list(RECIPES)


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_names_every_file(title: str, copy: Path) -> None:
    """Its files alone are touched by hand, and what it names is all of them."""
    patterns = named(title)
    files = follow(copy, title)

    assert all(any(re.fullmatch(like, name) for like in patterns) for name in files)
    assert all(any(re.fullmatch(like, name) for name in files) for like in patterns)
    assert {name for name in changed(copy) if not name.startswith(RENDERED)} == files


def test_all_recipes_end_in_green(copy: Path) -> None:
    """The project's own checks and tests ask for nothing else; if they do, a recipe is wrong."""
    files = follow(copy, *RECIPES, render=RENDER_ALL)

    for words in CHECKS:
        run(copy, sys.executable, "-m", *words)
    mirrors = {name.replace("sse_observe/", "tests/unit/", 1) for name in files}
    tests = {str(Path(name).with_name(f"test_{Path(name).name}")) for name in mirrors}
    tests = {name for name in tests if (copy / name).exists()} | {*TESTS_BESIDE}
    command = (sys.executable, "-m", "pytest", "-q", "-m", "not slow", "--deselect", BUDGET)
    run(copy, *command, *sorted(tests))
