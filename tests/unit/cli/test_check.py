"""`sse-observe check`: its exit codes, and that every failure is one clear line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sse_observe.cli.app import app
from tests.support.raw_answers import HEAD, answering, chunk


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["check", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://no-such-host.invalid/", "no such host"),
        ("http://127.0.0.1:1/", "connection refused"),
        ("nonsense", "is no URL"),
    ],
)
def test_a_server_that_cannot_be_asked_is_one_line(url: str, words: str) -> None:
    """Exit code 2, a sentence, and no traceback."""
    code, output = run(url)

    assert code == 2
    assert words in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "the endpoint wants credentials"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><title>Login</title>",
            "a web page, “Login”",
        ),
    ],
)
def test_an_answer_that_is_no_stream_is_one_line(answer: bytes, words: str) -> None:
    """The line names it."""
    with answering(answer) as server:
        code, output = run(server.url)

    assert code == 2
    assert words in " ".join(output.split())


def test_a_gigabyte_in_one_event_is_one_line() -> None:
    """It is read no further than a megabyte."""
    with answering(HEAD, *[chunk(b"data: " + b"x" * 65536)] * 64) as server:
        code, output = run(server.url)

    assert code == 2
    assert "larger than" in output


def test_files_that_cannot_be_written_are_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """Nobody waits for a result that has nowhere to go."""
    with answering(HEAD) as server:
        code, output = run(server.url, "--html", str(tmp_path / "no" / "such.html"))

    assert code == 2
    assert "--html" in output
    assert server.requests == []
