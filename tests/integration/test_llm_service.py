"""A whole LLM service whose answers fail in six ways, before a real Prometheus with our rules."""

import json
import subprocess
import sys

import pytest

from tests.support.llm_service import CHAT, DUE, REASONING
from tests.support.programs import needs

pytestmark = [pytest.mark.slow, pytest.mark.long]

PATIENCE_SECONDS = 300


def test_a_third_of_the_answers_fail_in_six_ways() -> None:
    """The vendor's SDK, nothing declared: each answer is counted, and exactly what is due fires."""
    needs("prometheus")
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.llm_service"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    seen = json.loads(ran.stdout)

    assert seen["while_healthy"] == []
    assert seen["healthy_completion"] == 1
    assert seen["counted"] == seen["scripted"]
    # Two thirds of the answers, where nobody stopped them.
    assert 0.6 < seen["truth"] < 0.72
    assert abs(seen["recorded"] - seen["truth"]) < 0.01
    assert seen["reasoning"] == 1
    assert seen["scripted"][REASONING]["completed"] > 10
    assert {tuple(alert) for alert in seen["fired"]} == {(name, CHAT) for name in DUE}
