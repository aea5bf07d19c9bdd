"""`sse-observe new-alert`: says where the page is, and what is left to do."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sse_observe.cli.app import app


def test_it_says_what_to_do_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page, the line for the settings, and the next command, each ready to be used."""
    monkeypatch.chdir(tmp_path)

    shown = CliRunner().invoke(app, ["new-alert", "SSEOurs"])

    assert shown.stdout.splitlines() == [
        "our-alerts/SSEOurs.md written",
        "add this line to sse-observe.yaml: extra_alerts: our-alerts",
        "then fill it in and run: sse-observe render",
    ]
    assert (tmp_path / "our-alerts/SSEOurs.md").is_file()
