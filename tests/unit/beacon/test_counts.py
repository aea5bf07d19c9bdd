"""Counts of beacon reports: every number arrives once, in the family that it belongs to."""

import asyncio
import json
from typing import Any

import pytest

from sse_observe.beacon import beacon_app
from sse_observe.registry import SSEMetrics
from tests.support.clock import Clock
from tests.support.reporting import (
    RECONNECT,
    ROUTE,
    SECRET,
    asked,
    post,
    results,
    scope_of,
    value,
    vector,
)


@pytest.fixture
def app(metrics: SSEMetrics, clock: Clock) -> Any:
    return beacon_app(metrics, secret=SECRET, clock=clock)


@pytest.fixture
def token(app: Any) -> str:
    return app.issue(ROUTE, "all", "3g")


def test_a_report_becomes_metrics_under_the_labels_of_its_token(
    metrics: SSEMetrics, app: Any, token: str
) -> None:
    """Every number arrives once, in the family that it belongs to."""
    report = {
        "token": token,
        "n": 1,
        "events": 40,
        "duplicates": 2,
        "lost": 3,
        "stalls": 1,
        "shown": {"live": 2, "reconnecting": 5},
        RECONNECT: vector(_1=2, _8=1),
        "sse_stall_recovery_seconds": vector("sse_stall_recovery_seconds", _0=1),
        "sse_event_delay_seconds": vector("sse_event_delay_seconds", _3=4),
        "outcome": "completed",
    }

    answer = post(app, report)

    assert (answer.status, answer.body) == (204, b"")
    assert results(metrics) == {"accepted": 1}
    route, both = {"route": ROUTE}, {"route": ROUTE, "network_type": "3g"}
    assert value(metrics, "sse_client_events_received_total", **both) == 40
    assert value(metrics, "sse_duplicate_events_total", **route, seen_by="client") == 2
    assert value(metrics, "sse_message_loss_total", **route, seen_by="client") == 3
    assert value(metrics, "sse_stall_detections_total", **route, seen_by="client") == 1
    assert value(metrics, "sse_ui_messages_shown_total", **route, message="reconnecting") == 5
    assert value(metrics, "sse_ui_messages_shown_total", **route, message="failed") == 0
    assert value(metrics, f"{RECONNECT}_bucket", **both, le="0.5") == 0
    assert value(metrics, f"{RECONNECT}_bucket", **both, le="1.0") == 2
    assert value(metrics, f"{RECONNECT}_bucket", **both, le="+Inf") == 3
    assert value(metrics, f"{RECONNECT}_sum", **both) == 61
    assert value(metrics, "sse_stall_recovery_seconds_count", **route) == 1
    assert value(metrics, "sse_event_delay_seconds_count", **route) == 4
    ended = {**both, "outcome": "completed", "user_segment": "all"}
    assert value(metrics, "sse_client_streams_total", **ended) == 1


def test_what_was_reported_is_written_down_without_a_scrape(
    metrics: SSEMetrics, app: Any, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scrape by name, and the files of worker processes, do not come by here."""
    monkeypatch.setattr("sse_observe.beacon.counts._WRITE_SECONDS", 0.001)
    events = metrics.counter("sse_client_events_received_total", ROUTE, "3g")

    async def run() -> None:
        for n in (1, 2):
            body = json.dumps({"token": token, "n": n, "events": 4}).encode()
            await asked(app, scope_of(), body)
            for _ in range(1000):
                if events._value.get() == 4 * n:
                    break
                await asyncio.sleep(0.001)
            assert events._value.get() == 4 * n

    asyncio.run(run())


def test_what_reports_will_move_exists_at_0_once_a_token_is_issued(
    metrics: SSEMetrics, app: Any, token: str
) -> None:
    """`increase()` over a series that begins at 1 would miss the first loss."""
    labels = {"route": ROUTE, "seen_by": "client"}

    assert value(metrics, "sse_message_loss_total", **labels) == 0
    assert results(metrics) == {}
