"""The balancer of a drill: what a prober meets before a service, and what a fault makes of it."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sse_observe.lab.drill.switch import Switch
from sse_observe.lab.programs.cutting_proxy import Connection, CuttingProxy, dial_port
from sse_observe.lab.programs.process import find

Kind = Literal["gone", "slow", "holding", "expiring"]
"""It listens no more; it dials late; it passes on once in a while; its certificate runs out."""

# Beyond the 5 s of the alert, and below the limit of the prober.
LATE_SECONDS = 7.0
HOLD_SECONDS = 1.2
LONG_DAYS, SHORT_DAYS = 60, 7


@dataclass(frozen=True, slots=True)
class Balancer:
    """Where to ask, and a file with the certificates that are shown there, if any are."""

    url: str
    certificates: Path | None = None


@asynccontextmanager
async def balancing(kind: Kind, port: int, switch: Switch, home: Path) -> AsyncIterator[Balancer]:
    """
    Balance before a service on loopback while the block runs.

    LabError where a certificate is needed, and openssl is missing.
    """
    straight = dial_port(port)

    async def late() -> Connection:
        if switch.on:
            await asyncio.sleep(LATE_SECONDS)
        return await straight()

    shown = _Certificates(home) if kind == "expiring" else None
    async with CuttingProxy(
        late if kind == "slow" else straight,
        delay=(lambda: HOLD_SECONDS * switch.on) if kind == "holding" else None,
        tls=shown.context if shown else None,
    ) as proxy:
        if kind == "gone":
            switch.listeners.append(lambda on: proxy.close() if on else proxy.open())
        if shown:
            switch.listeners.append(shown.show)
        yield Balancer(proxy.url, shown.all if shown else None)


class _Certificates:
    """Two certificates of one name: one that is valid for long, one that runs out soon."""

    def __init__(self, home: Path) -> None:
        self._long, self._short = (_certificate(home, days) for days in (LONG_DAYS, SHORT_DAYS))
        self.all = home / "certificates.pem"
        self.all.write_text(self._long.read_text() + self._short.read_text())
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.show(False)

    def show(self, short: bool) -> None:
        """Show the one or the other to whoever connects from now on."""
        chosen = self._short if short else self._long
        self.context.load_cert_chain(chosen, chosen.with_suffix(".key"))


def _certificate(home: Path, days: int) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    path = home / f"{days}-days.pem"
    words = [
        *(find("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes"),
        *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-days", str(days), "-keyout", str(path.with_suffix(".key")), "-out", str(path)),
    ]
    subprocess.run(words, check=True, capture_output=True)
    return path
