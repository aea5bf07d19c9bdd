"""The command line as a whole: exit codes, one line for an error, quick to start."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import sse_observe

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("words", [["rendr"], ["render", "--foo"], ["demo", "--users", "0"]])
def test_a_wrong_call_exits_with_2_and_no_traceback(tmp_path: Path, words: list[str]) -> None:
    """A misspelt command, an unknown option and a value out of range are usage errors."""
    done = sse_observe(*words, cwd=tmp_path)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Error: " in done.stderr


def test_an_error_is_one_line_on_stderr_and_exits_with_1(tmp_path: Path) -> None:
    """The line begins with the program's name and ends with the remedy."""
    done = sse_observe("runbook", "SSEMesageLoss", cwd=tmp_path)

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "sse-observe: SSEMesageLoss: no such alert; did you mean SSEMessageLoss?\n"
    )


def cold(*commands: list[str], cwd: Path) -> list[float]:
    """Return the least processor time of each command, run in turn: noise only adds."""
    least = [float("inf")] * len(commands)
    for _ in range(7):
        for number, command in enumerate(commands):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *command], cwd=cwd, check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            least[number] = min(least[number], spent)
    return least


def test_render_and_help_start_quickly(tmp_path: Path) -> None:
    """At most 3 and 1.5 times what importing the libraries they need takes by itself."""
    libraries = "import prometheus_client, msgspec, typer, grafanalib.core, jinja2, yaml"
    render, bare_render, help_, bare_help = cold(
        ["-m", "sse_observe", "render", "--out", "bundle"],
        ["-c", libraries],
        ["-m", "sse_observe", "--help"],
        ["-c", "import typer"],
        cwd=tmp_path,
    )

    assert render <= 3 * bare_render, f"render {render:.2f} s, libraries {bare_render:.2f} s"
    assert help_ <= 1.5 * bare_help, f"--help {help_:.2f} s, typer {bare_help:.2f} s"
