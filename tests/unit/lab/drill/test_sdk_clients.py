"""Clients as SDKs of models are: they read to the end, or leave as their fault says."""

import asyncio
from dataclasses import replace

import pytest

from sse_observe import StreamRoute
from sse_observe.lab.drill import gateway_apps, sdk_clients
from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.sdk_clients import SDKClients
from sse_observe.lab.drill.service import Service
from sse_observe.lab.drill.switch import Switch
from tests.support.asgi import value
from tests.support.waiting import until

pytestmark = pytest.mark.slow

FAULT = Fault(
    name="sdk",
    text="",
    alerts=(),
    within=1,
    service=gateway_apps.stating_errors,
    route=StreamRoute(),
    users=3,
    method="POST",
)


def closed(fault: Fault, monkeypatch: pytest.MonkeyPatch, reason: str) -> dict[str, float]:
    """Let clients call until a stream has ended for this reason; return how all ended."""
    monkeypatch.setattr(sdk_clients, "_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(gateway_apps, "_WORD_SECONDS", 0.01)
    # Longer than a client needs to leave.
    monkeypatch.setattr(gateway_apps, "_ERROR_SECONDS", 1.0)

    async def run() -> dict[str, float]:
        switch = Switch(on=True)
        async with Service(fault, switch) as service:

            def ended(reason: str) -> float:
                return value(service.metrics, "sse_streams_closed_total", reason=reason)

            async with SDKClients(fault, switch).reading(service.port):
                await until(lambda: ended(reason) >= 1)
                return {r: ended(r) for r in ("error_event", "client_disconnected", "completed")}

    return asyncio.run(run())


@pytest.mark.parametrize("hangs_up", [False, True])
def test_a_stated_error_counts_whoever_ends_first(
    hangs_up: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that leaves at the error changes nothing of what the stream has said."""
    ends = closed(replace(FAULT, hangs_up=hangs_up), monkeypatch, "error_event")

    assert ends["client_disconnected"] == 0


def test_a_client_without_patience_leaves_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    """It hangs up after so many events, and calls again."""
    fault = replace(FAULT, service=gateway_apps.never_asking, patience=2)

    ends = closed(fault, monkeypatch, "client_disconnected")

    assert ends["client_disconnected"] >= 1
