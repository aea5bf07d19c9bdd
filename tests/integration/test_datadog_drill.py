"""Datadog's monitors over the services of the drill: real streams break, and are repaired."""

import asyncio
import json
import time
from pathlib import Path

import pytest
import yaml

from sse_observe.lab.drill.environment import Environment
from sse_observe.lab.drill.faults import fault_named
from tests.support.datadog import Agent, alerting
from tests.support.rendered import default_target

pytestmark = [pytest.mark.slow, pytest.mark.prove]

FILES = default_target("datadog")
CONFIG = yaml.safe_load(FILES["conf.d/openmetrics.d/conf.yaml"])
# The four that every stack asks for, each with the fault that raises it.
FAULTS = {
    "SSECompletionRateLow": "errors",
    "SSEHighReconnectLatency": "slow-reconnect",
    "SSEMessageLoss": "small-buffer",
    "SSEHighDuplicateRate": "duplicate-replay",
}
SCALE = 60
"""Seconds of a monitor's window in one of ours: what readers do is as slow as ever."""
RUN_SECONDS = 2.0
HEALTHY_SECONDS = 20.0
PATIENCE_SECONDS = 240.0


def test_the_four_monitors_cross_and_recover(tmp_path: Path) -> None:
    """The Agent's own check reads each service again and again; each monitor sees its fault."""
    monitors = {name: json.loads(FILES[f"monitors/{name}.json"])["query"] for name in FAULTS}
    faults = [fault_named(name) for name in FAULTS.values()]
    began = time.monotonic()

    async def run() -> None:
        async with Environment(faults, tmp_path) as environment:
            agents = {
                alert: Agent(CONFIG, *environment.targets[fault]) for alert, fault in FAULTS.items()
            }

            async def beyond() -> dict[str, bool]:
                """Run each check once; say which monitors are beyond their lines."""
                found = {}
                for name, agent in agents.items():
                    at = SCALE * (time.monotonic() - began)
                    await asyncio.to_thread(agent.run, at)
                    groups = alerting(agent, monitors[name], at)
                    route = f"route:{fault_named(FAULTS[name]).path}"
                    assert all(route in group for group in groups)
                    found[name] = bool(groups)
                await asyncio.sleep(RUN_SECONDS)
                return found

            crossed: set[str] = set()
            healthy: dict[str, bool] = {}
            while time.monotonic() - began < HEALTHY_SECONDS:
                healthy = await beyond()
            assert not any(healthy.values())
            for switch in environment.switches.values():
                switch.turn(True)
            # Some faults come in waves, so each is looked at by itself.
            async with asyncio.timeout(PATIENCE_SECONDS):
                while crossed != set(FAULTS):
                    crossed |= {name for name, state in (await beyond()).items() if state}
            for switch in environment.switches.values():
                switch.turn(False)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while any((await beyond()).values()):
                    pass

    asyncio.run(run())
