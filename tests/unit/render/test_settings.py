"""A user's settings: what they change, and the one line that each mistake gets."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sse_observe.catalog.durations import duration, seconds
from sse_observe.errors import SettingsError
from sse_observe.render.bundle import catalogue
from sse_observe.render.settings import Settings, load_settings


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    return tmp_path / "sse-observe.yaml"


WRONG = {
    "objectves: {}": "objectves: no such key; did you mean objectives?",
    "zzz: 1": "zzz: no such key; known are scrape_interval, ",
    "objectives: {completion: 1.5}": "objectives.completion: 1.5: an objective is a ratio "
    "between 0 and 1; write 0.995 for 99.5 %",
    "objectives: {completion: 150%}": "objectives.completion: '150%': expected a number, got text",
    "objectives: {completion: 99.5}": "objectives.completion: 99.5: an objective is a ratio",
    "objectives: {completion: .nan}": "objectives.completion: nan: an objective is a ratio",
    "objectives: {window: month}": "objectives.window: 'month' is no duration; write it like",
    "objectives: {completion: 0.9}": "objectives.completion: 0.9: SSEErrorBudgetBurn 1h/5m can "
    "never fire: 14.4 × (1 − 0.9) = 1.44, and no share exceeds 1; promise more than 0.9306 or",
    "scrape_interval: 15": "scrape_interval: 15: expected text, got a number; write a duration",
    "scrape_interval: 0s": "scrape_interval: '0s' is no time at all",
    "scrape_interval: 60s": "scrape_interval: 60s: the 2m window of "
    "route:sse_orphaned_streams:min2m is 2m and holds 2 scrapes; 4 are the least: lower",
    "rule_interval: 5m": "rule_interval: 5m: the 10m window of ",
    "time_scale: 600": "time_scale: 600.0: the 2m window of route:sse_orphaned_streams:min2m "
    "is 200ms and holds 0.013 scrapes",
    "time_scale: 0.5": "time_scale: 0.5: time is only ever shortened",
    "selector: env=prod": "selector: 'env=prod': no PromQL matchers; write them like",
    "group_by: cluster": "group_by: 'cluster': expected a list, got text",
    "group_by: [route]": "group_by: 'route': no label of yours",
    "group_by: [a-b]": "group_by: 'a-b': no label of yours",
    "runbook_url: runbooks": "runbook_url: 'runbooks': no web address; write it like https://",
    "grafana_url: 'https://g /x'": "grafana_url: 'https://g /x': no web address",
    "labels: {severity: page}": "labels: 'severity': the rules set this label themselves",
    "annotations: {a-b: x}": "annotations: 'a-b': no label name",
    "alerts: {SSEMesageLoss: {}}": "alerts.SSEMesageLoss: no such alert; did you mean "
    "SSEMessageLoss?",
    "alerts: {SSEMessageLoss: {treshold: 1}}": "alerts.SSEMessageLoss.treshold: no such key; did "
    "you mean threshold?",
    "alerts: {SSEMessageLoss: {threshold: high}}": "alerts.SSEMessageLoss.threshold: 'high': "
    "expected a number, got text",
    "alerts: {SSEMessageLoss: {threshold: -1}}": "alerts.SSEMessageLoss.threshold: -1: "
    "route:sse_message_loss:increase15m lies between 0 and inf, so `> -1` is always true",
    "alerts: {SSEMessageLoss: {severity: high}}": "alerts.SSEMessageLoss.severity: 'high': no such "
    "severity; choose from critical, warning, info",
    "alerts: {SSEMessageLoss: {for: soon}}": "alerts.SSEMessageLoss.for: 'soon' is no duration",
    "alerts: {SSEMessageLoss: {windows: []}}": "alerts.SSEMessageLoss.windows: this alert has none",
    "alerts: {SSEHighDuplicateRate: {threshold: 1}}": "alerts.SSEHighDuplicateRate.threshold: 1: "
    "route:sse_duplicates:ratio_rate15m lies between 0 and 1, so `> 1` is never true",
    "alerts: {SSEMessageLoss: {and: {x: 1}}}": "alerts.SSEMessageLoss.and.x: no such term of the "
    "alert; it has none",
    "alerts: {SSEStreamsStalled: {and: {'route:sse_stalled_streams:sum': 9}}}": "no such term of "
    "the alert; did you mean route:sse_stalled_streams:avg5m?",
    "alerts: {SSEStreamsStalled: {and: {'route:sse_stalled_streams:avg5m': -1}}}": "avg5m: -1: no "
    "such limit",
    "alerts: {SSEStreamsStalled: {and: {'route:sse_stalled_streams:avg5m': few}}}": "'few': "
    "expected a number, got text",
    "alerts: {SSEMessageLoss: {labels: {a: b, team: 7}}}": "alerts.SSEMessageLoss.labels.team: 7: "
    "expected text, got a number",
    "alerts: {SSECompletionRateLow: {and: {'route:sse_stream_completion_best:ratio_rate1h': 0}}}": (
        "alerts.SSECompletionRateLow.and.route:sse_stream_completion_best:ratio_rate1h: 0: "
        "route:sse_stream_completion_best:ratio_rate1h lies between 0 and 1, so `< 0` is never true"
    ),
    "alerts: {SSEErrorBudgetBurn: {for: 5m}}": "alerts.SSEErrorBudgetBurn.for: 5m: each of its "
    "windows has its own",
    "alerts: {SSEErrorBudgetBurn: {windows: [{long: 2d, short: 2h, factor: 2, for: 5m, "
    "severity: info}]}}": "alerts.SSEErrorBudgetBurn.windows: 2d: not recorded; choose from 5m,",
    "alerts: {SSEErrorBudgetBurn: {windows: [{long: 1h, short: 5m, factor: -1, for: 5m, "
    "severity: info}]}}": "alerts.SSEErrorBudgetBurn.windows.0.factor: -1: a burn rate is above 0",
    "time_scale: .inf": "time_scale: inf: the 2m window of ",
    "- a list": "expected a mapping, got a list",
    "a: [": "line 1: expected the node content, but found '<stream end>'; correct the YAML",
    "extra_alerts: nowhere": "nowhere: no such folder",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:40])
def test_wrong_setting_gets_one_line_with_file_key_and_remedy(
    text: str, settings_file: Path
) -> None:
    """Whatever is wrong, a user reads where, what and how to mend it, in one line."""
    settings_file.write_text(text)

    with pytest.raises(Exception, match=r"\S") as caught:
        catalogue(settings_file)

    message = str(caught.value)
    assert "\n" not in message
    assert WRONG[text] in message
    assert "; " in message or "did you mean" in message
    assert type(caught.value).__module__ == "sse_observe.errors"
    if text != "extra_alerts: nowhere":
        assert message.startswith(f"{settings_file}: ")


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


def test_empty_file_is_the_defaults(settings_file: Path) -> None:
    """A file of comments changes nothing."""
    settings_file.write_text("# nothing yet\n")

    assert load_settings(settings_file) == Settings()


def test_alert_takes_every_change(settings_file: Path) -> None:
    """Threshold, times, severity, labels and annotations of one alert follow the settings."""
    settings_file.write_text(
        "labels: {team: streams}\n"
        "annotations: {chat: '#sse'}\n"
        "alerts:\n"
        "  SSEHighReconnectLatency:\n"
        "    threshold: 0.2\n"
        "    for: 20m\n"
        "    keep_firing_for: 1h\n"
        "    severity: info\n"
        "    and: {'route:sse_reconnects:increase10m': 50}\n"
        "    labels: {team: edge}\n"
        "  SSEMessageLoss: {enabled: false}\n"
    )

    catalog, _ = catalogue(settings_file)

    alerts = {alert.name: alert for alert in catalog.alerts}
    changed = alerts["SSEHighReconnectLatency"]
    assert changed.threshold == 0.2
    assert (changed.hold_for, changed.keep_firing_for) == ("20m", "1h")
    assert changed.severity == "info"
    assert [guard.threshold for guard in changed.guards] == [50, 5]
    assert changed.labels == {"team": "edge"}
    assert changed.annotations == {"chat": "#sse"}
    assert "SSEMessageLoss" not in alerts
    assert alerts["SSETelemetryAbsent"].labels == {"team": "streams"}


def test_objective_moves_every_threshold_that_rests_on_it(settings_file: Path) -> None:
    """The promise is one number: the ratio's line and each burn rate's line follow it."""
    settings_file.write_text("objectives: {completion: 0.99}\n")

    catalog, _ = catalogue(settings_file)

    alerts = {alert.name: alert for alert in catalog.alerts}
    assert alerts["SSECompletionRateLow"].line() == 0.99
    burn = alerts["SSEErrorBudgetBurn"]
    assert [burn.line(window) for window in burn.windows] == [0.144, 0.06, 0.03, 0.01]


def test_windows_of_the_burn_alert_may_be_replaced(settings_file: Path) -> None:
    """A promise too low for the default pairs is kept with pairs of one's own."""
    settings_file.write_text(
        "objectives: {completion: 0.9}\n"
        "alerts:\n"
        "  SSEErrorBudgetBurn:\n"
        "    windows: [{long: 6h, short: 30m, factor: 6, for: 15m, severity: critical}]\n"
    )

    catalog, _ = catalogue(settings_file)

    burn = next(alert for alert in catalog.alerts if alert.windows)
    assert [burn.line(window) for window in burn.windows] == [0.6]


def test_warnings_speak_of_placeholders_and_retention(settings_file: Path) -> None:
    """What renders and yet will disappoint is said; what was set is not."""
    assert len(Settings().warnings()) == 2
    settings_file.write_text(
        "runbook_url: https://r.test\ngrafana_url: https://g.test\nobjectives: {window: 14d}\n"
    )

    assert load_settings(settings_file).warnings() == []


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


@given(st.integers(min_value=1, max_value=10**11))
def test_duration_reads_back_what_it_writes(milliseconds: int) -> None:
    """Every duration that a rule is given means the seconds that were meant."""
    assert seconds(duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


@given(st.text(max_size=12))
def test_foreign_text_is_a_duration_or_a_clear_no(text: str) -> None:
    """Nothing but ValueError ever comes out of a bad duration."""
    try:
        length = seconds(text)
    except ValueError:
        length = 1.0

    assert length > 0
