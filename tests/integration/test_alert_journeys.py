"""
Alerts that really fire: in the demo, in a drill, and in a user's own service.

Each journey is a program that mostly waits, so all three run at the same time.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest

from sse_observe.catalog.load import load
from tests.support.command import SSE_OBSERVE
from tests.support.programs import needs

pytestmark = [pytest.mark.slow, pytest.mark.long]

PATIENCE_SECONDS = 300
DRILLED = ("freeze", "heartbeats-off", "exporter-gone")
COMMANDS: Mapping[str, list[str]] = {
    "demo": [*SSE_OBSERVE, "demo", "--duration", "56", "--json"],
    "drill": [sys.executable, "-m", "tests.support.drilled", *DRILLED],
    "main job": [sys.executable, "-m", "tests.support.main_job"],
}
# The main job runs no prober, and keeps its events in memory: these measure what it has not.
ABSENT_IN_MAIN_JOB = ("route:sse_probe_", "route:sse_store_")
Journeys = Mapping[str, "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def journeys() -> Iterator[Journeys]:
    """Start all journeys; end those that nobody waited for, as a deploy would."""
    for program in ("prometheus", "prometheus-alertmanager"):
        needs(program)
    with ExitStack() as stack:
        started = {}
        for name, command in COMMANDS.items():
            started[name] = stack.enter_context(
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            )
            stack.callback(started[name].send_signal, signal.SIGINT)
        yield started


def document_of(journey: "subprocess.Popen[str]") -> dict[str, Any]:
    """Wait for a journey's end; return the document that it printed."""
    printed, errors = journey.communicate(timeout=PATIENCE_SECONDS)
    assert (journey.returncode, errors) == (0, ""), printed
    found: dict[str, Any] = json.loads(printed)
    return found


def test_the_demo_fires_an_alert(journeys: Journeys) -> None:
    """Answers break off, and a real Prometheus notices."""
    summary = document_of(journeys["demo"])
    firing = {alert["name"] for alert in summary["alerts"] if alert["state"] == "firing"}

    assert "SSEErrorBudgetBurn 1h/5m" in firing
    assert summary["missing"] is None
    numbers = summary["numbers"]
    assert numbers["completed"] > 0
    assert numbers["resumed"] > 0
    assert numbers["completion"] < 0.995


def test_faults_side_by_side_raise_exactly_their_own_alerts(journeys: Journeys) -> None:
    """Real streams freeze or fall silent, a job goes; a real Alertmanager says which is which."""
    results = document_of(journeys["drill"])

    assert results["as_expected"], json.dumps(results, indent=2)
    assert [fault["fault"] for fault in results["faults"]] == list(DRILLED)
    assert all(
        url.endswith(f"/runbooks/{alert}.md")
        for fault in results["faults"]
        for alert, url in fault["runbooks"].items()
    )


def test_the_main_job(journeys: Journeys) -> None:
    """A service is healthy, then fails, the alert leads to its runbook, and it resolves."""
    seen = document_of(journeys["main job"])

    assert seen["while_healthy"] is None
    assert seen["state"] == "firing"
    assert seen["value"] < 0.995
    assert seen["links"] == {"runbook_url": 200, "dashboard_url": 200}
    assert "First five minutes" in seen["runbook"]
    # Every rule is loaded and healthy; each signal of what runs had a value, no other did.
    assert seen["rules"]["loaded"] == seen["rules"]["written"]
    assert seen["rules"]["unhealthy"] == []
    records = [signal.record for signal in load().signals]
    assert seen["empty_signals"] == [
        record for record in records if record.startswith(ABSENT_IN_MAIN_JOB)
    ]
    # Every panel has an answer, if it asks for what runs.
    assert [
        (board, title, expr)
        for board, title, expr in seen["empty_panels"]
        if not any(absent in expr for absent in ABSENT_IN_MAIN_JOB)
    ] == []
