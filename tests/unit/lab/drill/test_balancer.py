"""The balancer of a drill: as if it were not there, until its fault is on."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sse_observe.lab.drill import balancer
from sse_observe.lab.drill.balancer import LONG_DAYS, SHORT_DAYS, Balancer, Kind, balancing
from sse_observe.lab.drill.switch import Switch
from tests.support.programs import needs

HELD = 0.3
Look = Callable[[Balancer], Awaitable[Any]]


def looked(kind: Kind, look: Look, home: Path) -> tuple[Any, Any, Any]:
    """Return what is seen before, during and after the fault; behind it is an echo."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(100):
            writer.write(chunk)
        writer.close()

    async def run() -> tuple[Any, Any, Any]:
        switch = Switch()
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with balancing(kind, port, switch, home) as found:
                before = await look(found)
                switch.turn(True)
                during = await look(found)
                switch.turn(False)
                # It listens again in a task of its own.
                await asyncio.sleep(0.05)
                return before, during, await look(found)

    return asyncio.run(run())


async def answered(found: Balancer) -> float | None:
    """Return the seconds until the echo is there; None where nobody listens."""
    began = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(found.url.split(":")[2]))
    except OSError:
        return None
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    writer.close()
    return time.monotonic() - began


def test_it_is_gone_and_comes_back(tmp_path: Path) -> None:
    """At the same address."""
    before, during, after = looked("gone", answered, tmp_path)

    assert before is not None
    assert during is None
    assert after is not None


@pytest.mark.parametrize(
    ("kind", "constant"), [("slow", "LATE_SECONDS"), ("holding", "HOLD_SECONDS")]
)
def test_it_holds_up_what_passes(
    kind: Kind, constant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the way there, or on the way back."""
    monkeypatch.setattr(balancer, constant, HELD)

    before, during, after = looked(kind, answered, tmp_path)

    assert during >= HELD
    assert max(before, after) < HELD


def test_its_certificate_runs_out(tmp_path: Path) -> None:
    """Both certificates are trusted; the one of the fault is valid for a week."""
    needs("openssl")

    async def days_left(found: Balancer) -> float:
        trust = ssl.create_default_context(cafile=found.certificates)
        port = int(found.url.removeprefix("https://").split(":")[1])
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
        shown = writer.get_extra_info("peercert")["notAfter"]
        writer.close()
        return (ssl.cert_time_to_seconds(shown) - time.time()) / 86_400

    days = looked("expiring", days_left, tmp_path)

    assert days == pytest.approx((LONG_DAYS, SHORT_DAYS, LONG_DAYS), abs=0.1)
