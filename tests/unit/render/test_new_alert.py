"""The page of a new alert: it renders as it is, and overwrites nothing."""

from pathlib import Path

import pytest

from sse_observe.errors import SettingsError
from sse_observe.render.bundle import bundle
from sse_observe.render.new_alert import write_page
from tests.support.rendered import settings_file


def test_the_page_renders_as_it_is(tmp_path: Path) -> None:
    """Whoever writes an alert begins with something that works, and sees the rule at once."""
    settings = settings_file(tmp_path, "retention: 60d\n")

    page = write_page("SSEOurs", settings)
    settings.write_text(page.missing)
    files = bundle(settings).files

    assert page.path == tmp_path / "our-alerts/SSEOurs.md"
    assert "alert: SSEOurs\n" in files["alerts/sse-alerts.yaml"]
    assert 'ALERTS{alertname="SSEOurs", alertstate="firing"}' in files["runbooks/SSEOurs.md"]


def test_the_folder_of_the_settings_is_used(tmp_path: Path) -> None:
    """Where a folder is named there is nothing left to add."""
    (tmp_path / "pages").mkdir()

    page = write_page("SSEOurs", settings_file(tmp_path, "extra_alerts: pages\n"))

    assert page == (tmp_path / "pages/SSEOurs.md", "")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("tooSlow", "try SSETooSlow"),
        ("../x", "try SSEX"),
        ("SSEMessageLoss", "choose another name"),
        ("SSEOurs", "File exists; choose another name or folder"),
    ],
)
def test_a_name_that_cannot_be_gets_one_line(tmp_path: Path, name: str, remedy: str) -> None:
    """A wrong form, a name of ours, a page that is there already."""
    settings = settings_file(tmp_path, "")
    write_page("SSEOurs", settings)

    with pytest.raises(SettingsError, match=remedy):
        write_page(name, settings)
