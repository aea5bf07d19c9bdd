"""Clients that report to a beacon: believed ones all the time, strangers while the fault is on."""

import asyncio

import pytest

from sse_observe.lab.drill.beacon_clients import BeaconClients
from sse_observe.lab.drill.faults import fault_named
from sse_observe.lab.drill.service import Service
from sse_observe.lab.drill.switch import Switch
from tests.support.asgi import value
from tests.support.waiting import until

pytestmark = pytest.mark.slow


def test_forged_reports_come_only_while_the_fault_is_on() -> None:
    """A healthy beacon accepts everything, so that the alert has something to compare with."""
    fault = fault_named("bad-reports")

    async def report() -> tuple[float, float]:
        switch = Switch()
        async with Service(fault, switch) as service:
            metrics = service.metrics

            def count(result: str) -> float:
                return value(metrics, "sse_client_reports_total", result=result)

            async with BeaconClients(service.port, f"/{fault.name}", switch).reporting():
                await until(lambda: count("accepted") >= 4)
                before = count("bad_token")
                switch.turn(True)
                await until(lambda: count("bad_token") > 0)
            return before, count("bad_token")

    before, after = asyncio.run(report())

    assert before == 0
    assert after > 0
