"""The main job as a whole, by each evaluator: one alert of a service, from end to end."""

import json
import subprocess
import sys

import pytest

from sse_observe.catalog.load import load
from tests.support.programs import needs

pytestmark = [pytest.mark.slow, pytest.mark.long]

PATIENCE_SECONDS = 300
# The main job runs no prober, and keeps its events in memory: these measure what it has not.
ABSENT_IN_MAIN_JOB = ("route:sse_probe_", "route:sse_store_")


@pytest.mark.parametrize(
    ("evaluator", "programs"),
    [
        ("prometheus", ["prometheus"]),
        ("victoriametrics", ["prometheus", "victoria-metrics", "vmalert"]),
    ],
)
def test_the_main_job(evaluator: str, programs: list[str]) -> None:
    """A service is healthy, then fails, the alert leads to its runbook, and it resolves."""
    for program in programs:
        needs(program)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.main_job", evaluator],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    seen = json.loads(ran.stdout)

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
