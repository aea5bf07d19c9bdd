"""Settings that work, and those among them that deserve a second look."""

from pathlib import Path

import pytest

from sse_observe.render.settings import OBJECTIVES, Settings
from sse_observe.render.settings_file import load_settings
from tests.support.rendered import settings_file


def test_warnings_speak_of_placeholders_and_retention(tmp_path: Path) -> None:
    """A link that leads nowhere and a budget that outlasts its data are warned of, until set."""
    assert len(Settings().warnings()) == 2
    path = settings_file(
        tmp_path,
        "runbook_url: https://r.test\ngrafana_url: https://g.test\nobjectives: {window: 14d}\n",
    )

    assert load_settings(path).warnings() == []


def test_slow_signals_have_half_the_look_back_of_a_rate() -> None:
    """Nothing falls between two evaluations, and rules that are slow anyway stay as they are."""
    assert Settings().intervals == (30, 150)
    assert Settings(time_scale=60).intervals == (0.5, 2.5)
    assert Settings(rule_interval="5m").intervals == (300, 300)


def test_objective_is_found_by_its_name() -> None:
    """Each ratio can be named in a page; the window beside them is none."""
    assert OBJECTIVES == ("completion", "first_event", "resume")
    assert Settings().objectives.ratio("first_event") == 0.95
    with pytest.raises(KeyError):
        Settings().objectives.ratio("window")
