"""The environment of a drill: a service for each fault, and readers on each route."""

import itertools
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from signal import SIGKILL
from typing import Self

from sse_observe.asgi import App
from sse_observe.lab.drill.beacon_clients import BeaconClients
from sse_observe.lab.drill.fault import JOB, Fault
from sse_observe.lab.drill.prober import asked_through_a_balancer
from sse_observe.lab.drill.readers import Readers
from sse_observe.lab.drill.rolling_deploy import HOSTS, RollingDeploy
from sse_observe.lab.drill.sdk_clients import SDKClients
from sse_observe.lab.drill.second_host import SecondHost
from sse_observe.lab.drill.service import Address, Service
from sse_observe.lab.drill.shared_store import shared_store
from sse_observe.lab.drill.switch import Switch
from sse_observe.lab.drill.verdict import Claim
from sse_observe.lab.programs.lossy_network import LossyNetwork


class Environment:
    """
    Services and readers of all faults, while the block runs.

    Each fault has a service, because a scrape of all routes at once would take too long on a busy
    machine. With an `address` the first service answers there too, the others at the ports after
    it. `network` is for the fault that needs one.
    """

    def __init__(
        self,
        faults: Sequence[Fault],
        home: Path,
        rest: App,
        *,
        address: Address | None = None,
        network: LossyNetwork | None = None,
    ) -> None:
        self.switches = {fault.name: Switch() for fault in faults}
        self.targets: dict[str, list[str]] = {}
        self.url = ""
        self._faults = faults
        self._home = home
        self._rest = rest
        self._addresses = (
            (Address(address.host, port) for port in itertools.count(address.port))
            if address
            else itertools.repeat(None)
        )
        self._network = network
        self._deploys: dict[str, RollingDeploy] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            if all(fault.alone for fault in self._faults):
                # Where the only job falls silent, nobody can say which job it was.
                await self._serve(stack, JOB, None, Switch())
            for fault in self._faults:
                switch = self.switches[fault.name]
                if fault.rolls:
                    await self._roll(stack, fault, switch)
                    continue
                store_url = None
                if fault.store is not None:
                    store = shared_store(fault, switch, self._home / fault.name)
                    store_url = await stack.enter_async_context(store)
                service = await self._serve(stack, fault.job, fault, switch, store_url)
                await self._populate(stack, fault, switch, service, store_url)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _serve(
        self,
        stack: AsyncExitStack,
        job: str,
        fault: Fault | None,
        switch: Switch,
        store_url: str | None = None,
    ) -> Service:
        address = next(self._addresses)
        network = self._network if fault and fault.lossy else None
        service = Service(
            fault, switch, self._rest, address=address, network=network, store_url=store_url
        )
        await stack.enter_async_context(service)
        self.url = self.url or f"http://127.0.0.1:{service.port}"
        scraped = address or Address("127.0.0.1", service.port)
        self.targets.setdefault(job, []).append(f"{scraped.host}:{scraped.port}")
        return service

    async def _roll(self, stack: AsyncExitStack, fault: Fault, switch: Switch) -> None:
        hosts = [await self._serve(stack, fault.job, fault, switch) for _ in range(HOSTS)]
        deploy = RollingDeploy(fault, switch, hosts)
        await stack.enter_async_context(deploy.reading())
        self._deploys[fault.name] = deploy

    def claims(self, fault: str) -> tuple[Claim, ...]:
        """Return what must hold of a fault beside its alerts."""
        return self._deploys[fault].claims() if fault in self._deploys else ()

    async def _populate(
        self,
        stack: AsyncExitStack,
        fault: Fault,
        switch: Switch,
        service: Service,
        store_url: str | None,
    ) -> None:
        if fault.balancer is not None:
            watched = await stack.enter_async_context(
                asked_through_a_balancer(
                    fault.balancer, service.port, fault.path, switch, self._home / fault.name
                )
            )
            self.targets[fault.job].append(watched)
        network = self._network if fault.lossy else None
        if network is not None:
            switch.listeners.append(network.lose)
        if fault.method is not None:
            await stack.enter_async_context(SDKClients(fault, switch).reading(service.port))
        elif fault.users:
            home = self._home / fault.name
            second = self._second_host(stack, fault, switch, home, store_url)
            readers = Readers(fault, switch, service.metrics)
            await stack.enter_async_context(readers.reading(service.port, home, network, second))
        if fault.beacon_reports:
            clients = BeaconClients(service.port, f"/{fault.name}", switch)
            await stack.enter_async_context(clients.reporting())

    @staticmethod
    def _second_host(
        stack: AsyncExitStack, fault: Fault, switch: Switch, home: Path, store_url: str | None
    ) -> SecondHost | None:
        """Start a host that is killed when the fault is turned on, where it wants one."""
        if not fault.killed or store_url is None:
            return None
        host = stack.enter_context(SecondHost(home, root=f"/{fault.name}", store_url=store_url))
        switch.listeners.append(lambda on: host.signal(SIGKILL) if on else None)
        return host
