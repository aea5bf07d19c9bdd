"""The environment of a drill: a service for each fault, and readers on each route."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from signal import SIGKILL
from types import MappingProxyType
from typing import Self

from sse_observe.lab.drill.beacon_clients import BeaconClients
from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.prober import asked_through_a_balancer
from sse_observe.lab.drill.readers import Readers
from sse_observe.lab.drill.rolling_deploy import RollingDeploy
from sse_observe.lab.drill.sdk_clients import SDKClients
from sse_observe.lab.drill.second_host import SecondHost
from sse_observe.lab.drill.service import Address, Service
from sse_observe.lab.drill.shared_store import shared_store
from sse_observe.lab.drill.switch import Switch
from sse_observe.lab.drill.verdict import Claim
from sse_observe.lab.programs.lossy_network import LossyNetwork

_NOWHERE: Mapping[str, Address] = MappingProxyType({})


class Environment:
    """
    Services and readers of some faults, while the block runs.

    Each fault has services of its own, because a scrape of all routes at once would take too long
    on a busy machine. `targets` holds by a fault's name where to scrape them. With an address, of
    `addresses` by name, the first of them answers there too, the others at the ports after it.
    """

    def __init__(
        self,
        faults: Sequence[Fault],
        home: Path,
        *,
        addresses: Mapping[str, Address] = _NOWHERE,
    ) -> None:
        self.switches = {fault.name: Switch() for fault in faults}
        self.targets: dict[str, list[str]] = {fault.name: [] for fault in faults}
        self._faults = faults
        self._home = home
        self._addresses = addresses
        self._deploys: dict[str, RollingDeploy] = {}
        self._stacks: list[AsyncExitStack] = []

    async def __aenter__(self) -> Self:
        try:
            for fault in self._faults:
                await self._cause(fault)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    async def _end(self) -> None:
        # All at once: a server that has open streams takes a second.
        await asyncio.gather(*(stack.aclose() for stack in self._stacks))

    def _new_stack(self) -> AsyncExitStack:
        self._stacks.append(AsyncExitStack())
        return self._stacks[-1]

    def claims(self, fault: str) -> tuple[Claim, ...]:
        """Return what must hold of a fault beside its alerts."""
        return self._deploys[fault].claims() if fault in self._deploys else ()

    async def _cause(self, fault: Fault) -> None:
        """Start everything that one fault needs."""
        stack = self._new_stack()
        switch, home = self.switches[fault.name], self._home / fault.name
        if fault.rolls:
            hosts = [await self._serve(self._new_stack(), fault) for _ in range(fault.hosts)]
            deploy = RollingDeploy(fault, switch, hosts)
            await stack.enter_async_context(deploy.reading())
            self._deploys[fault.name] = deploy
            return
        network = stack.enter_context(LossyNetwork()) if fault.lossy else None
        if network is not None:
            switch.listeners.append(network.lose)
        store_url = None
        if fault.store is not None:
            store_url = await stack.enter_async_context(shared_store(fault, switch, home))
        service = await self._serve(stack, fault, network, store_url)
        if fault.balancer is not None:
            prober = asked_through_a_balancer(
                fault.balancer, service.port, fault.path, switch, home
            )
            self.targets[fault.name].append(await stack.enter_async_context(prober))
        if fault.method is not None:
            await stack.enter_async_context(SDKClients(fault, switch).reading(service.port))
        elif fault.users:
            second = _second_host(stack, fault, switch, home, store_url)
            readers = Readers(fault, switch, service.metrics)
            await stack.enter_async_context(readers.reading(service.port, home, network, second))
        if fault.beacon_reports:
            clients = BeaconClients(service.port, f"/{fault.name}", switch)
            await stack.enter_async_context(clients.reporting())

    async def _serve(
        self,
        stack: AsyncExitStack,
        fault: Fault,
        network: LossyNetwork | None = None,
        store_url: str | None = None,
    ) -> Service:
        targets, address = self.targets[fault.name], self._addresses.get(fault.name)
        if address is not None:
            address = Address(address.host, address.port + len(targets))
        switch = self.switches[fault.name]
        service = Service(fault, switch, address=address, network=network, store_url=store_url)
        await stack.enter_async_context(service)
        host, port = address or ("127.0.0.1", service.port)
        targets.append(f"{host}:{port}")
        return service


def _second_host(
    stack: AsyncExitStack, fault: Fault, switch: Switch, home: Path, store_url: str | None
) -> SecondHost | None:
    """Start a host that is killed when the fault is turned on, where it wants one."""
    if not fault.killed or store_url is None:
        return None
    host = stack.enter_context(SecondHost(home, root=f"/{fault.name}", store_url=store_url))
    switch.listeners.append(lambda on: host.signal(SIGKILL) if on else None)
    return host
