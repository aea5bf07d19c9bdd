"""The settings file: found, read, or refused in one line."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.errors import SettingsError
from sse_observe.render.settings import Settings
from sse_observe.render.settings_file import load_settings
from tests.support.rendered import settings_file
from tests.support.settings import refusal

WRONG = {
    "objectves: {}": "objectves: no such key; did you mean objectives?",
    "zzz: 1": "zzz: no such key; known are target, scrape_interval, ",
    "objectives: {completion: 150%}": "objectives.completion: '150%': expected a number, got text",
    "scrape_interval: 15": "scrape_interval: 15: expected text, got a number; write a duration",
    "group_by: cluster": "group_by: 'cluster': expected a list, got text",
    "alerts: {SSEMessageLoss: {treshold: 1}}": "alerts.SSEMessageLoss.treshold: no such key; did "
    "you mean threshold?",
    "alerts: {SSEMessageLoss: {threshold: high}}": "alerts.SSEMessageLoss.threshold: 'high': "
    "expected a number, got text",
    "alerts: {SSEMessageLoss: {severity: high}}": "alerts.SSEMessageLoss.severity: 'high': no such "
    "severity; choose from critical, warning, info",
    "alerts: {SSEStreamsStalled: {and: {'route:sse_stalled_streams:avg5m': few}}}": "'few': "
    "expected a number, got text",
    "alerts: {SSEMessageLoss: {labels: {a: b, team: 7}}}": "alerts.SSEMessageLoss.labels.team: 7: "
    "expected text, got a number",
    "- a list": "expected a mapping, got a list",
    "a: [": "line 1: expected the node content, but found '<stream end>'; correct the YAML",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:40])
def test_wrong_shape_gets_one_line_with_key_and_remedy(text: str, tmp_path: Path) -> None:
    """A slip in a key or a type is named as a user wrote it, with the way to mend it."""
    assert WRONG[text] in refusal(tmp_path, text)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """A file that was named and is not there is an error, never the defaults."""
    with pytest.raises(SettingsError, match=r"gone\.yaml: No such file"):
        load_settings(tmp_path / "gone.yaml")


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file named and none in the working directory: the committed bundle's settings."""
    monkeypatch.chdir(tmp_path)

    assert load_settings(None) == Settings()


def test_file_in_the_working_directory_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's own name is enough."""
    monkeypatch.chdir(tmp_path)
    Path("sse-observe.yaml").write_text("scrape_interval: 10s\ngrafana_url: https://g.test/x/\n")

    found = load_settings(None)

    assert found.scrape_seconds == 10
    assert found.grafana_url == "https://g.test/x"


def test_empty_file_is_the_defaults(tmp_path: Path) -> None:
    """A file of comments changes nothing."""
    path = settings_file(tmp_path, "# nothing yet\n")

    assert load_settings(path) == Settings()


KEYS = st.sampled_from(
    [
        *("objectives", "alerts", "completion", "window", "windows", "for", "labels", "long"),
        *("SSEMessageLoss", "SSEErrorBudgetBurn", "threshold", "time_scale", "group_by"),
        *("selector", "severity"),
    ]
)


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(KEYS | st.integers() | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(TREES)
def test_no_file_however_odd_ends_in_anything_but_one_line(tree: object) -> None:
    """Foreign YAML gives settings, or our error in one line; never a traceback of a library."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sse-observe.yaml"
        path.write_text(yaml.safe_dump(tree), encoding="utf-8")
        try:
            found = load_settings(path)
        except SettingsError as error:
            found = str(error)

    assert isinstance(found, Settings) or (
        found.startswith(f"{path}: ") and "\n" not in found and len(found) < 1000
    )
