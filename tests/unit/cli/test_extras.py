"""Extras: each command states its own, and our metadata alone says what an extra brings."""

import importlib.metadata
import tomllib

import pytest

from sse_observe.cli.extras import check_extra, commands, lacking
from sse_observe.errors import MissingExtraError
from tests.support.paths import ROOT

NOT_COMMANDS = {"__init__", "app", "extras", "main", "options"}


def test_every_file_of_the_command_line_is_a_command_or_known_to_be_none() -> None:
    """A command that forgets its extra would not exist, and this says so."""
    modules = {path.stem for path in (ROOT / "sse_observe" / "cli").glob("*.py")}

    assert commands().keys() == modules - NOT_COMMANDS


def test_a_command_names_an_extra_that_exists() -> None:
    """`pip install` of what the line says finds something."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert set(commands().values()) <= project["optional-dependencies"].keys()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on a machine that has this package and typer, and nothing else of our extras."""
    found = importlib.metadata.distribution

    def distribution(name: str) -> importlib.metadata.Distribution:
        if name not in ("sse-observe", "typer"):
            raise importlib.metadata.PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(importlib.metadata, "distribution", distribution)


def test_an_extra_brings_what_the_metadata_says_with_the_extras_that_it_includes() -> None:
    """Everything is installed here, so nothing lacks, of any extra."""
    assert [extra for extra in {*commands().values(), "all"} if lacking(extra)] == []


@pytest.mark.usefixtures("bare")
def test_a_lab_without_its_programs_lacks_those_of_the_included_extras_too() -> None:
    """The lab renders, reads streams and draws boards: it lacks what each of these needs."""
    lacks = lacking("lab")

    assert {"grafanalib", "aiohttp", "plotly", "uvicorn", "markdown-it-py"} <= set(lacks)
    assert "typer" not in lacks
    assert "plotly" not in lacking("check")


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(("command", "extra"), commands().items())
def test_a_command_without_its_extra_is_refused_in_one_line(command: str, extra: str) -> None:
    """The line names the command, its extra, and what to run; options before it do not matter."""
    name = command.replace("_", "-")

    with pytest.raises(MissingExtraError) as refused:
        check_extra(["--verbose", name, "--json"])

    assert str(refused.value) == (
        f"{name} needs the [{extra}] extra; run: pip install 'sse-observe[{extra}]'"
    )


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("words", [[], ["--help"], ["rendr"]])
def test_help_and_a_misspelt_command_need_typer_alone(words: list[str]) -> None:
    """Whoever has not installed everything can still ask what there is."""
    check_extra(words)


def test_a_source_tree_that_is_not_installed_lacks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without metadata nothing is known, and nothing is refused."""

    def requires(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)

    assert lacking("lab") == []
