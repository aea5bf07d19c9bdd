"""`sse-observe runbook`: the list, one runbook, and a name that is nearly right."""

from typer.testing import CliRunner

from sse_observe.cli.app import app
from sse_observe.errors import SettingsError
from tests.support.paths import ROOT


def test_runbook_lists_shows_and_forgives() -> None:
    """All are listed; one is shown in any case of letters; a misspelt one gets the nearest."""
    listed = CliRunner().invoke(app, ["runbook"])
    shown = CliRunner().invoke(app, ["runbook", "ssemessageloss"])
    misspelt = CliRunner().invoke(app, ["runbook", "SSEMesageLoss"])

    names = [line.split()[0] for line in listed.stdout.splitlines()]
    assert names == sorted(path.stem for path in (ROOT / "runbooks").glob("SSE*.md"))
    assert "First five minutes" in shown.stdout
    assert isinstance(misspelt.exception, SettingsError)
    assert "did you mean SSEMessageLoss?" in str(misspelt.exception)


def test_a_name_that_resembles_nothing_gets_the_way_to_the_list() -> None:
    """The remedy is a command that can be pasted."""
    unknown = CliRunner().invoke(app, ["runbook", "qqq"])

    assert str(unknown.exception) == "qqq: no such alert; `sse-observe runbook` lists them"
