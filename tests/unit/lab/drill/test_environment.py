"""The environment of a drill: who is served where, for which job."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from sse_observe.errors import LabError
from sse_observe.lab.drill import environment as module
from sse_observe.lab.drill.environment import Environment
from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.faults import fault_named
from sse_observe.lab.drill.service import Address


def entered(faults: list[Fault], home: Path, address: Address | None = None) -> Environment:
    """Return an environment that was entered and left."""

    async def enter() -> Environment:
        addresses = {fault.name: address for fault in faults if address}
        async with Environment(faults, home, addresses=addresses) as environment:
            return environment

    return asyncio.run(enter())


@pytest.mark.slow
def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    """The user's Prometheus would ask another program: refused before any stream is read."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(LabError, match=rf":{address.port}: .* choose another with --listen"):
            entered([fault_named("freeze")], tmp_path, address)


@pytest.fixture
def no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no server and no reader; every server would be at port 7."""

    class FakeService:
        port, metrics = 7, None

        def __init__(self, *_: Any, **__: Any) -> None:
            """Listen nowhere."""

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            """End nothing."""

    @asynccontextmanager
    async def reading(*_: Any) -> AsyncIterator[None]:
        yield

    monkeypatch.setattr(module, "Service", FakeService)
    monkeypatch.setattr(module.Readers, "reading", reading)


@pytest.mark.usefixtures("no_servers")
def test_each_fault_has_servers_of_its_own_at_ports_in_a_row(tmp_path: Path) -> None:
    """A scrape of all routes at once would take too long; a deploy has more than one host."""
    faults = [fault_named("freeze"), fault_named("rolling-deploy")]

    given = entered(faults, tmp_path, Address("h", 9470)).targets
    free = entered(faults, tmp_path).targets

    assert given["freeze"] == ["h:9470"]
    assert given["rolling-deploy"] == ["h:9470", "h:9471", "h:9472", "h:9473"]
    assert free["freeze"] == ["127.0.0.1:7"]


@pytest.mark.usefixtures("no_servers")
def test_what_has_started_ends_where_something_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second fault that fails leaves no server of the first behind."""
    ended: list[str] = []

    async def left(self: module.Service, *_: object) -> None:
        ended.append("server")

    def refused(*_: Any) -> None:
        raise LabError("no store")

    monkeypatch.setattr(module.Service, "__aexit__", left)
    monkeypatch.setattr(module, "shared_store", refused)
    with pytest.raises(LabError, match="no store"):
        entered([fault_named("freeze"), fault_named("store-down")], tmp_path)

    assert ended == ["server"]
