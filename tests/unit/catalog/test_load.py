"""Alert pages of a user's own: loaded beside ours, under the same checks."""

from importlib.resources import files
from pathlib import Path

import pytest

from sse_observe.catalog.load import load
from sse_observe.errors import CatalogError
from sse_observe.render.bundle import catalogue
from tests.support.rendered import settings_file


def test_extra_page_joins_under_the_same_checks(tmp_path: Path) -> None:
    """A user's own page becomes an alert; a contradiction in it names their file."""
    source = files("sse_observe.catalog") / "alerts" / "SSEMessageLoss.md"
    text = source.read_text(encoding="utf-8")
    (tmp_path / "SSELossOfOurs.md").write_text(text)
    names = {alert.name for alert in load(tmp_path).alerts}
    (tmp_path / "SSELossOfOurs.md").write_text(text.replace("$labels.route", "$labels.cluster"))

    assert "SSELossOfOurs" in names
    assert load(tmp_path, ["cluster"])
    with pytest.raises(CatalogError, match=r"SSELossOfOurs\.md: description: \$labels\.cluster"):
        load(tmp_path)


def test_extra_page_may_rest_on_an_objective_that_exists(tmp_path: Path) -> None:
    """A page compares with the settings' objectives, in its own term and in any other."""
    source = files("sse_observe.catalog") / "alerts" / "SSECompletionRateLow.md"
    page = tmp_path / "SSEOurs.md"
    settings = tmp_path / "sse-observe.yaml"
    settings.write_text("extra_alerts: .\nobjectives: {completion: 0.98}\n")
    page.write_text(source.read_text(encoding="utf-8"))
    tuned, _ = catalogue(settings)
    ours = next(alert for alert in tuned.alerts if alert.name == "SSEOurs")
    page.write_text(page.read_text().replace("objective.completion", "objective.window", 1))

    assert (ours.line(), ours.guards[0].line()) == (0.98, 0.98)
    with pytest.raises(CatalogError, match=r"SSEOurs\.md: objective\.window: no such objective"):
        catalogue(settings)


def test_extra_page_may_not_take_a_name(tmp_path: Path) -> None:
    """A user's page never replaces one of ours in silence."""
    with (files("sse_observe.catalog") / "alerts" / "SSEMessageLoss.md").open("rb") as source:
        (tmp_path / "SSEMessageLoss.md").write_bytes(source.read())

    with pytest.raises(CatalogError, match="SSEMessageLoss is taken"):
        load(tmp_path)


def test_extra_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """A slip in the path is no silent absence of alerts."""
    with pytest.raises(CatalogError, match=r"nowhere: no such folder; extra_alerts names one"):
        catalogue(settings_file(tmp_path, "extra_alerts: nowhere\n"))
