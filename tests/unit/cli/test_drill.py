"""`sse-observe drill`: the list, wrong calls, and programs that are missing; exit code 1."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sse_observe.cli.app import app
from sse_observe.errors import SSEObserveError
from sse_observe.lab.drill.faults import FAULTS
from tests.support.command import sse_observe

EXTERNAL = ("--prometheus", "http://127.0.0.1:1", "--alertmanager", "http://127.0.0.1:2")


def test_without_a_fault_it_lists_them() -> None:
    """Whoever does not know the names sees them all, and what each must raise."""
    listed = CliRunner().invoke(app, ["drill"])

    assert listed.exit_code == 0
    assert listed.stdout.count("  raises ") == len(FAULTS)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["freeze-it"], "did you mean freeze?"),
        (["freeze", "--all"], "give a fault or --all, not both"),
        (["--listen", "127.0.0.1:1"], "give a fault or --all; without them it lists the faults"),
        (["freeze", *EXTERNAL], "http://127.0.0.1:1: api/v1/rules does not answer"),
    ],
)
def test_a_call_that_cannot_be_carried_out_is_refused(words: list[str], line: str) -> None:
    """A wrong name, two wishes at once, options without a use, a stack that is not there."""
    refused = CliRunner().invoke(app, ["drill", *words])

    assert isinstance(refused.exception, SSEObserveError)
    assert line in str(refused.exception)
    assert "\n" not in str(refused.exception)


@pytest.mark.slow
def test_a_missing_program_is_one_line_with_its_package(tmp_path: Path) -> None:
    """Nothing is started before everything is there."""
    done = sse_observe("drill", "freeze", PATH=str(tmp_path))

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "apt-get install prometheus" in line
