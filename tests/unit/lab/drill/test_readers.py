"""The readers of a fault: healthy clients, until the fault cuts them or makes them leave."""

import asyncio
from pathlib import Path

import pytest

from sse_observe.lab.drill import readers as module
from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.readers import Readers
from sse_observe.lab.drill.service import Service
from sse_observe.lab.drill.switch import Switch
from sse_observe.registry import SSEMetrics
from tests.support.asgi import value
from tests.support.waiting import until

pytestmark = pytest.mark.slow


def metrics_of(fault: Fault, home: Path, wanted: str, **labels: str) -> tuple[float, SSEMetrics]:
    """Read until the fault moves a count; return the count from before the fault."""

    async def read() -> tuple[float, SSEMetrics]:
        switch = Switch()
        async with Service(fault, switch) as service:
            metrics = service.metrics
            async with Readers(fault, switch, metrics).reading(service.port, home):
                await until(lambda: value(metrics, "sse_client_events_received_total") >= 3)
                healthy = value(metrics, wanted, **labels)
                switch.turn(True)
                await until(lambda: value(metrics, wanted, **labels) > healthy)
        return healthy, metrics

    return asyncio.run(read())


def test_readers_resume_when_the_fault_cuts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Healthy readers stay on their connection; those that are cut come back for the rest."""
    monkeypatch.setattr(module, "_FIRST_SECONDS", 0.0)
    fault = Fault(name="cut", text="", alerts=(), within=1, users=3, life=0.1, pause=0)

    healthy, metrics = metrics_of(fault, tmp_path, "sse_streams_opened_total", start="resumed")

    assert healthy == 0
    assert value(metrics, "sse_message_loss_total") == 0


def test_readers_whose_patience_ends_leave_for_another_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They hang up in the middle, and ask for a new stream."""
    monkeypatch.setattr(module, "_FIRST_SECONDS", 0.0)
    fault = Fault(name="leave", text="", alerts=(), within=1, users=3, patience=1)

    healthy, metrics = metrics_of(fault, tmp_path, "sse_streams_opened_total", start="fresh")

    assert healthy == 3
    assert value(metrics, "sse_streams_opened_total", start="resumed") == 0
