"""The scene of a drill: services with a route for each fault, and readers on each route."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, beacon_app, metrics_app
from sse_observe.lab.broken import App, Switch
from sse_observe.lab.faults import JOB, Fault
from sse_observe.lab.readers import Readers
from sse_observe.lab.reporters import MOUNT, Reporters
from sse_observe.lab.server import Server
from sse_observe.lab.wire import Wire


class Service:
    """
    The servers of one job: streams, `/metrics`, and `rest` for what is neither.

    Answers on the wire's listener too, where one is given; a restart forgets everything.
    """

    def __init__(
        self,
        faults: Sequence[Fault],
        switches: Mapping[str, Switch],
        rest: App,
        *,
        address: tuple[str, int],
        wire: Wire | None = None,
    ) -> None:
        self._faults = faults
        self._switches = switches
        self._rest = rest
        self._host, port = address
        more = () if wire is None else wire.listeners
        self._server = Server(self._made(), host=self._host, port=port, more=more)
        self.port = self._server.port
        for fault in faults:
            if fault.restarts:
                switches[fault.name].listeners.append(self._turned)
        self._restarting: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._server.start)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._restarting is not None:
            await self._restarting
        await asyncio.to_thread(self._server.stop)

    def _turned(self, on: bool) -> None:
        if on:
            loop = asyncio.get_running_loop()
            self._restarting = loop.run_in_executor(None, self._restart)

    def _restart(self) -> None:
        self._server.stop()
        self._server = Server(self._made(), host=self._host, port=self.port).start()

    def _made(self) -> App:
        """Return the application, with books and buffers that are empty."""
        self.metrics = SSEMetrics(CollectorRegistry())
        broken = {f"/{one.name}": one.service(self._switches[one.name]) for one in self._faults}
        beacons = {
            f"/{one.name}{MOUNT}/": beacon_app(self.metrics) for one in self._faults if one.reports
        }
        exporters = [self._switches[one.name] for one in self._faults if one.exporter]

        async def routes(scope: Any, receive: Any, send: Any) -> None:
            root = "/" + scope["path"].split("/")[1]
            await broken[root]({**scope, "root_path": root}, receive, send)

        observed = SSEObserveMiddleware(
            routes,
            metrics=self.metrics,
            routes={fault.path: fault.route for fault in self._faults},
            tcp_info=any(fault.lossy for fault in self._faults),
        )
        exposition = metrics_app(self.metrics)

        async def service(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                return
            path = scope["path"]
            gone = any(switch.on for switch in exporters)
            if path == "/metrics" and not gone:
                await exposition(scope, receive, send)
                return
            for root, beacon in beacons.items():
                if path.startswith(root):
                    await beacon(scope, receive, send)
                    return
            if path.startswith(tuple(f"{root}/" for root in broken)):
                await observed(scope, receive, send)
            else:
                await self._rest(scope, receive, send)

        return service


class Scene:
    """
    Services and readers of some faults, while the block runs.

    The first service listens at `address`, those of faults that are alone at the ports after it;
    at port 0 each takes a free one. `wire` is for the fault that needs one.
    """

    def __init__(
        self,
        faults: Sequence[Fault],
        home: Path,
        rest: App,
        *,
        address: tuple[str, int] = ("127.0.0.1", 0),
        wire: Wire | None = None,
    ) -> None:
        self.faults = faults
        self.switches = {fault.name: Switch() for fault in faults}
        self.targets: dict[str, list[str]] = {}
        self.url = ""
        self._home = home
        self._rest = rest
        self._address = address
        self._wire = wire
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for job in dict.fromkeys((JOB, *(fault.job for fault in self.faults))):
                await self._job(stack, job)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _job(self, stack: AsyncExitStack, job: str) -> None:
        faults = [fault for fault in self.faults if fault.job == job]
        host, first = self._address
        wire = self._wire if any(fault.lossy for fault in faults) else None
        service = Service(
            faults,
            self.switches,
            self._rest,
            address=(host, first and first + len(self.targets)),
            wire=wire,
        )
        await stack.enter_async_context(service)
        self.url = self.url or f"http://127.0.0.1:{service.port}"
        self.targets[job] = [f"{host}:{service.port}"]
        for fault in faults:
            switch = self.switches[fault.name]
            readers = Readers(fault, switch, service.metrics)
            await stack.enter_async_context(readers.of(service.port, self._home / fault.name, wire))
            if fault.reports:
                reporters = Reporters(service.port, f"/{fault.name}", switch)
                await stack.enter_async_context(reporters.reporting())
