"""
Alerts that really fire: in the demo and in a drill.

Each journey is a program that mostly waits, so both run at the same time.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.command import SSE_OBSERVE
from tests.support.programs import needs

pytestmark = [pytest.mark.slow, pytest.mark.long]

PATIENCE_SECONDS = 300
DRILLED = ("freeze", "heartbeats-off", "exporter-gone")
COMMANDS: Mapping[str, list[str]] = {
    "demo": [*SSE_OBSERVE, "demo", "--duration", "56", "--json"],
    "drill": [sys.executable, "-m", "tests.support.drilled", *DRILLED],
}
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
