"""Monitors: windows, comparisons and what is left out."""

from dataclasses import replace

import msgspec

from sse_observe.render.datadog.monitors import burns, monitors
from sse_observe.render.settings import Settings
from sse_observe.render.target import Rendering
from sse_observe.render.tuning import tune
from tests.support.rendered import CATALOG


def rendering(**changes: object) -> Rendering:
    settings = msgspec.structs.replace(Settings(), **changes)
    return Rendering(tune(CATALOG, settings), settings, "sse-observe.yaml", {})


def test_a_state_must_hold_for_the_time_of_its_alert() -> None:
    """A process near its limit for one scrape is no alert."""
    written, _ = monitors(rendering())

    assert written["SSEStreamSaturation"]["query"].startswith("min(last_5m):")
    assert written["SSEStreamsStalled"]["query"].startswith("avg(last_5m):")


def test_telemetry_that_is_away_notifies() -> None:
    """No data is the very thing; elsewhere it is none."""
    written, _ = monitors(rendering())
    missing = {name: one["options"]["on_missing_data"] for name, one in written.items()}

    assert missing.pop("SSETelemetryAbsent") == "show_and_notify_no_data"
    assert set(missing.values()) == {"default"}


def test_a_difference_is_in_the_message() -> None:
    """Completion is the server's view there, and says so to whoever is woken."""
    written, _ = monitors(rendering())

    assert "seen in Prometheus alone" in written["SSECompletionRateLow"]["message"]


def test_burn_rates_within_two_days_watch_the_slo() -> None:
    """Longer windows Datadog does not take."""
    found = dict(burns(rendering(), "ID"))

    assert list(found) == [f"SSEErrorBudgetBurn_{long}" for long in ("1h", "6h", "1d")]
    assert '.long_window("24h").short_window("2h") > 3' in found["SSEErrorBudgetBurn_1d"]["query"]


def test_an_alert_that_is_off_is_no_monitor() -> None:
    """Neither written nor named as left out."""
    without = rendering()
    fewer = replace(
        without.catalog,
        alerts=tuple(a for a in without.catalog.alerts if a.name != "SSEIdleTimeoutCliff"),
    )
    written, left_out = monitors(replace(without, catalog=fewer))

    assert "SSEIdleTimeoutCliff" not in {*written, *(one.alert for one in left_out)}
