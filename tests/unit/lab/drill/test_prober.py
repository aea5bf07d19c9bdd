"""A prober before a balancer: what it exports when the balancer goes, and comes back."""

import asyncio
from pathlib import Path

import requests

from sse_observe.lab.drill.prober import asked_through_a_balancer
from sse_observe.lab.drill.switch import Switch
from sse_observe.probe import config
from tests.support.raw_answers import HEAD, LAST, answering, chunk
from tests.support.waiting import until


def metrics(address: str) -> str:
    """Return what a prober exports."""
    return requests.get(f"http://{address}/metrics", timeout=10).text


def test_a_balancer_that_is_gone_is_seen(tmp_path: Path, monkeypatch) -> None:
    """Nobody arrives while the switch is on; the same address answers again when it is off."""
    monkeypatch.setattr(config, "_LEAST_INTERVAL", 0.1)
    switch = Switch()

    async def run(port: int) -> None:
        async with asked_through_a_balancer(
            "gone", port, "/s", switch, tmp_path, interval=0.2
        ) as address:
            for on, line in ((False, "success"), (True, "refused"), (False, "success")):
                switch.turn(on)
                wanted = 'reason="refused"' if line == "refused" else "sse_probe_success{"
                await until(
                    lambda on=on, wanted=wanted: (  # type: ignore[misc]
                        wanted in (text := metrics(address)) and (("} 0.0" in _success(text)) is on)
                    )
                )

    with answering(HEAD, chunk(b"data: a\n\n"), LAST) as server:
        asyncio.run(run(server.port))


def _success(text: str) -> str:
    return next((line for line in text.splitlines() if line.startswith("sse_probe_success{")), "")
