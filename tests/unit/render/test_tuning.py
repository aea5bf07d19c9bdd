"""A user's changes to alerts: each takes effect, or is refused in one line."""

from pathlib import Path

import pytest

from sse_observe.render.bundle import catalogue
from tests.support.rendered import settings_file
from tests.support.settings import refusal

WRONG = {
    "objectives: {completion: 0.9}": "objectives.completion: 0.9: SSEErrorBudgetBurn 1h/5m can "
    "never fire: 14.4 × (1 − 0.9) = 1.44, and no share is above 1; set it above 0.9306 or",
    "time_scale: 600": "time_scale: 600.0: the 2m window of route:sse_orphaned_streams:min2m "
    "is 200ms and holds 0.013 scrapes",
    "alerts: {SSEMesageLoss: {}}": "alerts.SSEMesageLoss: no such alert; did you mean "
    "SSEMessageLoss?",
    "alerts: {SSEMessageLoss: {threshold: -1}}": "alerts.SSEMessageLoss.threshold: -1: "
    "route:sse_message_loss_by_server:increase15m lies between 0 and inf, so `> -1` is always true",
    "alerts: {SSEMessageLoss: {windows: []}}": "alerts.SSEMessageLoss.windows: this alert "
    "has no windows",
    "alerts: {SSEHighDuplicateRate: {threshold: 1}}": "alerts.SSEHighDuplicateRate.threshold: 1: "
    "route:sse_duplicates:ratio_rate15m lies between 0 and 1, so `> 1` is never true",
    "alerts: {SSEMessageLoss: {and: {x: 1}}}": "alerts.SSEMessageLoss.and.x: no such signal in "
    "this alert's `and`; it has none",
    "alerts: {SSEStreamsStalled: {and: {'route:sse_stalled_streams:sum': 9}}}": "no such "
    "signal in this alert's `and`; did you mean route:sse_stalled_streams:avg5m?",
    "alerts: {SSEStreamsStalled: {and: {'route:sse_stalled_streams:avg5m': -1}}}": "avg5m: -1: a "
    "limit is never negative",
    "alerts: {SSECompletionRateLow: {and: {'route:sse_stream_completion_best:ratio_rate1h': 0}}}": (
        "alerts.SSECompletionRateLow.and.route:sse_stream_completion_best:ratio_rate1h: 0: "
        "route:sse_stream_completion_best:ratio_rate1h lies between 0 and 1, so `< 0` is never true"
    ),
    "alerts: {SSEErrorBudgetBurn: {for: 5m}}": "alerts.SSEErrorBudgetBurn.for: 5m: this alert "
    "has one for each window",
    "alerts: {SSEErrorBudgetBurn: {windows: [{long: 2d, short: 2h, factor: 2, for: 5m, "
    "severity: info}]}}": "alerts.SSEErrorBudgetBurn.windows.long: 2d: not recorded; choose from "
    "30m,",
    "alerts: {SSEMessageLoss: {annotations: {note: 'in {{ $labels.severity }}'}}}": (
        "alerts.SSEMessageLoss.annotations.note: $labels.severity is no label of the expression; "
        "it has job, route"
    ),
    "annotations: {note: 'in {{ $labels.rout }}'}": (
        "annotations.note: $labels.rout is no label of the expression; it has "
    ),
    "time_scale: .inf": "time_scale: inf: the 2m window of ",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:40])
def test_setting_against_the_catalogue_gets_one_line(text: str, tmp_path: Path) -> None:
    """A change that no alert can take, or that makes one senseless, is refused with its key."""
    assert WRONG[text] in refusal(tmp_path, text)


def test_alert_takes_every_change(tmp_path: Path) -> None:
    """Threshold, times, severity, labels and annotations of one alert follow the settings."""
    path = settings_file(
        tmp_path,
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
        "  SSEMessageLoss: {enabled: false}\n",
    )

    catalog, _ = catalogue(path)

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


def test_objective_moves_every_threshold_that_rests_on_it(tmp_path: Path) -> None:
    """The objective is one number: the threshold of the ratio and of each burn rate follow it."""
    path = settings_file(tmp_path, "objectives: {completion: 0.99}\n")

    catalog, _ = catalogue(path)

    alerts = {alert.name: alert for alert in catalog.alerts}
    assert alerts["SSECompletionRateLow"].line() == 0.99
    burn = alerts["SSEErrorBudgetBurn"]
    assert [burn.line(window) for window in burn.windows] == [0.144, 0.06, 0.03, 0.01]


def test_windows_of_the_burn_alert_may_be_replaced(tmp_path: Path) -> None:
    """An objective too low for the default pairs is watched with pairs of one's own."""
    path = settings_file(
        tmp_path,
        "objectives: {completion: 0.9}\n"
        "alerts:\n"
        "  SSEErrorBudgetBurn:\n"
        "    windows: [{long: 6h, short: 30m, factor: 6, for: 15m, severity: critical}]\n",
    )

    catalog, _ = catalogue(path)

    burn = next(alert for alert in catalog.alerts if alert.windows)
    assert [burn.line(window) for window in burn.windows] == [0.6]
