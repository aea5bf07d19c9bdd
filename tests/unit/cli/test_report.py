"""`sse-observe report`: wrong calls; the tests of `report/` hold what it writes."""

from pathlib import Path

from typer.testing import CliRunner

from sse_observe.cli.app import app
from sse_observe.errors import ReportError


def test_without_a_source_it_is_a_wrong_call() -> None:
    """There is no sensible default for whom to ask."""
    done = CliRunner().invoke(app, ["report"])

    assert done.exit_code == 2
    assert "--prometheus" in done.output


def test_a_source_that_does_not_answer_leaves_no_file(tmp_path: Path) -> None:
    """One line names the address, and nothing is written."""
    out = tmp_path / "incident.html"
    done = CliRunner().invoke(
        app, ["report", "--prometheus", "http://127.0.0.1:1", "--out", str(out)]
    )

    assert isinstance(done.exception, ReportError)
    assert "http://127.0.0.1:1" in str(done.exception)
    assert list(tmp_path.iterdir()) == []
