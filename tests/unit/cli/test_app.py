"""The typer application: every command is there, with help for each option."""

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from sse_observe.cli.app import app
from sse_observe.cli.extras import commands
from sse_observe.registry import package_version

COMMANDS = get_command(app).commands  # type: ignore[attr-defined]


def test_each_file_is_a_command_under_its_own_name() -> None:
    """A new file needs no second place."""
    assert set(COMMANDS) == {name.replace("_", "-") for name in commands()}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_argument_and_option_says_what_it_is_for(name: str) -> None:
    """Whoever reads `--help` finds a sentence beside everything."""
    silent = [one.name for one in COMMANDS[name].params if not getattr(one, "help", None)]

    assert silent == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_shows_whole_sentences(name: str) -> None:
    """A sentence that is cut with dots says nothing."""
    shown = CliRunner().invoke(app, ["--help"], terminal_width=80).stdout
    (line,) = [line for line in shown.splitlines() if line.startswith(f"  {name} ")]

    assert line.endswith(".")
    assert not line.endswith("...")


def test_the_version_is_that_of_the_package() -> None:
    """It is the first thing that a bug report needs."""
    shown = CliRunner().invoke(app, ["--version"])

    assert shown.stdout == f"sse-observe {package_version()}\n"
    assert shown.exit_code == 0
