"""The scene of a drill: services with a route for each fault, and readers on each route."""

import asyncio
import itertools
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, beacon_app, metrics_app
from sse_observe.errors import LabError
from sse_observe.lab.drill.faults import JOB, Fault
from sse_observe.lab.drill.faulty_apps import App, Switch
from sse_observe.lab.drill.readers import Readers
from sse_observe.lab.drill.reporters import MOUNT, Reporters
from sse_observe.lab.programs.lossy_network import Wire
from sse_observe.lab.programs.server import Server


class Service:
    """
    One server with the route of one fault, or of none: streams, `/metrics`, and `rest`.

    Answers on loopback, on `address` too where one is given, and on the wire's listener. A
    restart forgets everything.
    """

    def __init__(
        self,
        fault: Fault | None,
        switch: Switch,
        rest: App,
        *,
        address: tuple[str, int] | None = None,
        wire: Wire | None = None,
    ) -> None:
        self._fault = fault
        self._switch = switch
        self._rest = rest
        self._address = address
        self._wire = wire
        self._server = self._serving(0)
        self.port = self._server.port
        if fault and fault.restarts:
            switch.listeners.append(self._turned)
        self._restarting: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        self._server.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._restarting is not None:
            await self._restarting
        self._server.stop()

    def _turned(self, on: bool) -> None:
        if on:
            loop = asyncio.get_running_loop()
            self._restarting = loop.run_in_executor(None, self._restart)

    def _restart(self) -> None:
        self._server.stop()
        self._server = self._serving(self.port).start()

    def _serving(self, port: int) -> Server:
        more = [] if self._wire is None else [*self._wire.listeners]
        if self._address is not None:
            more.append(_listening(*self._address))
        return Server(self._made(), port=port, more=more)

    def _made(self) -> App:
        """Return the application, with books and buffers that are empty."""
        fault, switch = self._fault, self._switch
        self.metrics = SSEMetrics(CollectorRegistry())
        exposition = metrics_app(self.metrics)
        streams, root, beacon = self._rest, "/", None
        if fault is not None:
            root = f"/{fault.name}"
            streams = SSEObserveMiddleware(
                _mounted(fault.service(switch), root),
                metrics=self.metrics,
                routes={fault.path: fault.route},
                tcp_info=fault.lossy,
            )
            beacon = beacon_app(self.metrics) if fault.reports else None

        async def service(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                return
            path = scope["path"]
            gone = fault is not None and fault.exporter and switch.on
            if path == "/metrics" and not gone:
                await exposition(scope, receive, send)
            elif beacon is not None and path.startswith(f"{root}{MOUNT}/"):
                await beacon(scope, receive, send)
            elif path.startswith(f"{root}/"):
                await streams(scope, receive, send)
            else:
                await self._rest(scope, receive, send)

        return service


def _mounted(app: App, root: str) -> App:
    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": root}, receive, send)

    return mounted


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that is bound where somebody from outside will ask."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        reason = error.strerror or error
        raise LabError(f"{host}:{port}: {reason}; choose another with --listen") from None
    return made


class Scene:
    """
    A service for each fault, and its readers, while the block runs.

    A service each, because a scrape of all routes at once would take too long on a busy machine.
    With an `address` the first answers there too, the others at the ports after it. `wire` is for
    the fault that needs one.
    """

    def __init__(
        self,
        faults: Sequence[Fault],
        home: Path,
        rest: App,
        *,
        address: tuple[str, int] | None = None,
        wire: Wire | None = None,
    ) -> None:
        self.switches = {fault.name: Switch() for fault in faults}
        self.targets: dict[str, list[str]] = {}
        self.url = ""
        self._faults = faults
        self._home = home
        self._rest = rest
        self._ports = itertools.count(address[1]) if address else None
        self._host = address[0] if address else "127.0.0.1"
        self._wire = wire
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            if all(fault.alone for fault in self._faults):
                # Where the only job falls silent, nobody can say whose it was.
                await self._serve(stack, JOB, None, Switch())
            for fault in self._faults:
                switch = self.switches[fault.name]
                service = await self._serve(stack, fault.job, fault, switch)
                await self._populate(stack, fault, switch, service)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _serve(
        self, stack: AsyncExitStack, job: str, fault: Fault | None, switch: Switch
    ) -> Service:
        address = (self._host, next(self._ports)) if self._ports else None
        wire = self._wire if fault and fault.lossy else None
        service = Service(fault, switch, self._rest, address=address, wire=wire)
        await stack.enter_async_context(service)
        self.url = self.url or f"http://127.0.0.1:{service.port}"
        port = address[1] if address else service.port
        self.targets.setdefault(job, []).append(f"{self._host}:{port}")
        return service

    async def _populate(
        self, stack: AsyncExitStack, fault: Fault, switch: Switch, service: Service
    ) -> None:
        wire = self._wire if fault.lossy else None
        if wire is not None:
            switch.listeners.append(wire.lose)
        readers = Readers(fault, switch, service.metrics)
        await stack.enter_async_context(readers.of(service.port, self._home / fault.name, wire))
        if fault.reports:
            reporters = Reporters(service.port, f"/{fault.name}", switch)
            await stack.enter_async_context(reporters.reporting())
