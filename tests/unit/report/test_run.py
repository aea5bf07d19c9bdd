"""A report from the command line: what is refused before anything is asked, and what is written."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sse_observe.cli import app as commands
from sse_observe.errors import ReportError, SSEObserveError
from tests.support.report_source import FakePrometheus, report_from

WINDOW = ["--since", "2026-09-21T00:00", "--until", "2026-09-21T14:00"]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"alert": "SSENothing"}, "--alert SSENothing: no such alert"),
        ({"since": "3 parsecs"}, "--since '3 parsecs': neither"),
        ({"logs": Path("/nowhere.log")}, "--logs /nowhere.log: "),
        ({"headers": ("token",)}, "--header: write it like"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_asked(
    request_: dict[str, object], words: str
) -> None:
    """A misspelt option does not cost a minute of a Prometheus in trouble."""
    with FakePrometheus() as fake, pytest.raises(ReportError, match=words):
        report_from(fake, **request_)

    assert fake.asked == []


def test_the_command_writes_the_file_or_nothing(
    report_source: FakePrometheus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that fails leaves no half of it, and what was there before as it was."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "incident.html"
    path.write_text("the last report")
    words = ["report", "--prometheus", report_source.url, *WINDOW, "--out", "incident.html"]
    words += ["--alert", "SSEStreamsStalled"]

    failed = CliRunner().invoke(commands.app, [*words, "--route", "/nowhere"])
    assert isinstance(failed.exception, SSEObserveError)
    assert [path.name for path in tmp_path.iterdir()] == ["incident.html"]
    assert path.read_text() == "the last report"

    done = CliRunner().invoke(commands.app, words)
    assert done.exit_code == 0, done.output
    assert "SSEStreamsStalled" in path.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["incident.html"]


def test_json_alone_writes_no_file(
    report_source: FakePrometheus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The document is all that stands on the standard output; partial data sets the exit code."""
    monkeypatch.chdir(tmp_path)
    report_source.refuse["sse_stall_recovery"] = (422, "{}")
    words = ["report", "--prometheus", report_source.url, "--json", *WINDOW]
    try:
        # Click's runner mixed both outputs until its 8.2.
        with pytest.raises(SystemExit) as done:
            commands.app([*words, "--alert", "SSEStreamsStalled"])
    finally:
        report_source.refuse.clear()
    written, warned = capsys.readouterr()

    assert done.value.code == 1
    assert json.loads(written)["complete"] is False
    assert "partial: " in warned
    assert list(tmp_path.iterdir()) == []
