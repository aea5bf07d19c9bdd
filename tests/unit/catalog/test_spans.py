"""Windows are stretched until they hold enough scrapes, and names follow."""

import re
from pathlib import Path

import pytest

from sse_observe.catalog.load import load
from sse_observe.catalog.reads import span_in
from sse_observe.catalog.spans import renamed, stretched
from tests.support.rendered import files

CATALOG = load()


def test_long_enough_windows_stay_as_they_are() -> None:
    """Up to 30 s nothing changes: two minutes hold four scrapes."""
    assert stretched(CATALOG, 120) is CATALOG
    assert renamed(CATALOG.signals, 120) == {}


@pytest.mark.parametrize(("shortest", "longer"), [(121, "3m"), (180, "3m"), (240, "4m")])
def test_stretched_window_is_in_the_name(shortest: float, longer: str) -> None:
    """A window of whole minutes, in the expression and in the name of whoever looks back so far."""
    found = {signal.record: signal for signal in stretched(CATALOG, shortest).signals}

    assert f"rate('{longer}')" in found[f"route:sse_streams_resumed:rate{longer}"].expr
    storm = found[f"route:sse_reconnect_storm:rate{longer}"]
    assert f"route:sse_streams_resumed:rate{longer}" in storm.expr
    assert f"seconds('{longer}')" in storm.help
    assert f"w('{longer}')" in found["route:sse_stream_saturation:ratio"].expr
    assert len(found) == len(CATALOG.signals)


def test_alert_says_which_window_was_stretched() -> None:
    """Also where the window is that of a signal far below its own."""
    alerts = {alert.name: alert for alert in stretched(CATALOG, 240).alerts}

    assert alerts["SSEReconnectStorm"].signal == "route:sse_reconnect_storm:rate4m"
    assert alerts["SSEReconnectStorm"].guards[0].signal == "route:sse_streams_resumed:rate4m"
    assert alerts["SSEReconnectStorm"].stretch == ("2m", "4m")
    assert alerts["SSEStreamLeak"].stretch == ("2m", "4m")
    assert alerts["SSEMessageLoss"].stretch is None


def test_minute_scrapes_render_without_a_trace_of_two_minutes(tmp_path: Path) -> None:
    """Rules, boards and runbooks speak of the window that is there."""
    rendered = files(tmp_path, "scrape_interval: 60s\n")

    rules = rendered["alerts/sse-recording-rules.yaml"] + rendered["alerts/sse-alerts.yaml"]
    assert "interval: 1m\n" in rules
    assert not re.search(r"\[2m\d*s?\]|[a-z]2m\b", rules)
    assert "rate4m" in rendered["dashboards/stream-health.json"]
    assert "looks back 4m, not 2m" in rendered["runbooks/SSEReconnectStorm.md"]
    assert "looks back" not in rendered["runbooks/SSEMessageLoss.md"].split("## Impact")[0]


def test_guard_may_be_named_as_on_the_page_or_as_rendered(tmp_path: Path) -> None:
    """Whoever copies a name from the rules, or from the runbook on the web, is understood."""
    for name in ("rate2m", "rate4m"):
        guard = f"{{'route:sse_streams_resumed:{name}': 7}}"
        rendered = files(
            tmp_path,
            f"scrape_interval: 60s\nalerts: {{SSEReconnectStorm: {{and: {guard}}}}}\n",
        )
        assert "route:sse_streams_resumed:rate4m > 7" in rendered["alerts/sse-alerts.yaml"]


@pytest.mark.parametrize("signal", CATALOG.signals, ids=lambda signal: signal.record)
def test_name_tells_a_window_of_the_expression(signal: object) -> None:
    """A name says a window of the signal, or of one that it reads."""
    span = span_in(signal.record)
    if span is not None:
        assert f"('{span}')" in signal.expr or re.search(rf":\w*[a-z]{span}\b", signal.expr)
