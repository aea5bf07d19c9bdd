"""One server of a drill: streams and metrics."""

import asyncio

import pytest
import requests

from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.faults import fault_named
from sse_observe.lab.drill.service import Service
from sse_observe.lab.drill.switch import Switch

pytestmark = pytest.mark.slow


def asked(fault: Fault, *paths: str, on: bool = False) -> list[requests.Response]:
    """Return the answers of a service whose fault is on or off."""

    async def ask() -> list[requests.Response]:
        switch = Switch()
        async with Service(fault, switch) as service:
            switch.turn(on)
            url = f"http://127.0.0.1:{service.port}"
            return [
                await asyncio.to_thread(requests.get, f"{url}{path}", timeout=30) for path in paths
            ]

    return asyncio.run(ask())


@pytest.mark.parametrize(("on", "there"), [(False, True), (True, False)])
def test_an_exporter_is_gone_while_its_fault_is_on(on: bool, there: bool) -> None:
    """The service itself goes on, so that only the telemetry is absent."""
    metrics, other = asked(fault_named("exporter-gone"), "/metrics", "/x", on=on)

    assert ("sse_build_info" in metrics.text) is there
    assert other.status_code == 404


def test_a_beacon_answers_below_the_route_of_its_fault() -> None:
    """Where a fault has no beacon, its path is the application's."""
    (module,) = asked(fault_named("bad-reports"), "/bad-reports/sse/sse-observe.js")
    (none,) = asked(fault_named("freeze"), "/freeze/sse/sse-observe.js")

    assert "ResilientEventSource" in module.text
    assert none.status_code == 404


def test_a_restart_forgets_everything_and_keeps_the_port() -> None:
    """Prometheus finds it where it was; its counters begin again."""

    async def restarted() -> tuple[bool, int]:
        switch = Switch()
        async with Service(fault_named("restart"), switch) as service:
            before, port = service.metrics, service.port
            switch.turn(True)
            assert service._restarting is not None
            await asyncio.wait_for(service._restarting, 30)
            url = f"http://127.0.0.1:{port}/x"
            answered = await asyncio.to_thread(requests.get, url, timeout=30)
            return service.metrics is before, answered.status_code

    assert asyncio.run(restarted()) == (False, 404)
