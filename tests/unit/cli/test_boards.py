"""`sse-observe boards`: wrong calls; tests/integration/test_live_boards.py opens what it serves."""

import socket

import pytest
from typer.testing import CliRunner

from sse_observe.cli.app import app
from sse_observe.errors import ReportError


def test_without_a_source_it_is_a_wrong_call() -> None:
    """There is no sensible default for whom to ask."""
    done = CliRunner().invoke(app, ["boards"])

    assert done.exit_code == 2
    assert "--prometheus" in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--prometheus", "http://me:secret@"], "not a web address"),
        (["--prometheus", "http://h", "--header", "secret"], "--header: write it like"),
        (["--prometheus", "http://h", "--port", "70000"], "--port 70000"),
    ],
)
def test_a_wrong_option_is_one_line_without_its_secret(arguments: list[str], words: str) -> None:
    """Refused before anything is served."""
    done = CliRunner().invoke(app, ["boards", *arguments])

    assert isinstance(done.exception, ReportError)
    assert words in str(done.exception)
    assert "secret" not in str(done.exception)
    assert "\n" not in str(done.exception)


def test_a_port_that_is_taken_is_one_line() -> None:
    """It names the port and the remedy."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = CliRunner().invoke(app, ["boards", "--prometheus", "http://h", "--port", str(port)])

    assert isinstance(done.exception, ReportError)
    assert f"--port {port}: address already in use; choose another port" in str(done.exception)
