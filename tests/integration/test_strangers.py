"""The numbers of docs/threat-model.md, on the real demo with the real rules in shortened time."""

import asyncio
import json
import subprocess
import sys
import threading
from collections import Counter
from typing import Any

import pytest
import requests

from sse_observe.lab.programs.process import free_port
from tests.support.command import SSE_OBSERVE
from tests.support.programs import needs
from tests.support.strangers import attack, believed
from tests.support.waiting import wait_until

INCIDENT_AT = 25
SECONDS = 52
OWN_STREAMS = 12
"""Of some five hundred in a run."""


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="a thousand addresses of its own")
@pytest.mark.parametrize(
    "many",
    [
        pytest.param(1, id="one address", marks=pytest.mark.prove),
        pytest.param(1000, id="a thousand addresses"),
    ],
)
def test_what_strangers_say_moves_nothing_and_pages_nobody(many: int) -> None:
    """Completion moves by less than 0.1 points, nothing pages before the incident, all after it."""
    needs("prometheus")
    port = free_port()
    command = [*SSE_OBSERVE, "demo", "--duration", str(SECONDS), "--json", "--port", str(port)]
    found: list[Counter[tuple[str, int]]] = []
    text: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as demo:
        wait_until(lambda: is_up(port), "the demo")

        def lie() -> None:
            own = min(OWN_STREAMS, many)
            found.append(asyncio.run(attack(port, many, SECONDS - 8, streams=own)))
            text.append(requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text)

        liar = threading.Thread(target=lie, daemon=True)
        liar.start()
        summary = json.loads(demo.communicate(timeout=SECONDS + 60)[0])
        liar.join()

    (answers,) = found
    lies = believed(answers)
    asked = sum(answers.values())
    started = summary["numbers"]["started"]
    print(f"\n{asked} requests of strangers, believed {lies}; {started} streams started")
    assert asked > 2 * many
    # They lied about streams of their own too, and about each of them every kind of lie.
    assert all(answers[kind, 400] for kind in ("cancelled", "lost", "received", "repeated"))
    # Each lie that is believed moves completion by one stream.
    assert 100 * sum(lies.values()) / started <= 0.1, lies
    assert not paged(summary, before=INCIDENT_AT)
    assert paged(summary, before=SECONDS)


def is_up(port: int) -> bool:
    """Tell whether the demo answers."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/metrics", timeout=2).status_code == 200
    except requests.ConnectionError:
        return False


def paged(summary: dict[str, Any], *, before: float) -> list[str]:
    """Return the critical alerts that fired before a second of the demo."""
    return [
        alert["name"]
        for alert in summary["alerts"]
        if alert["state"] == "firing" and alert["severity"] == "critical"
        if alert["since"] < before
    ]
