"""One server of a drill: the streams of one fault, and `/metrics`."""

import asyncio
import socket
from typing import NamedTuple, Self

from prometheus_client import CollectorRegistry

from sse_observe import (
    SSEMetrics,
    SSEObserveMiddleware,
    beacon_app,
    metrics_app,
    observe_client,
)
from sse_observe.asgi import App, Receive, Scope, Send
from sse_observe.boards.web_pages import nothing_here
from sse_observe.draining import Drain
from sse_observe.errors import LabError
from sse_observe.lab.drill.beacon_clients import MOUNT
from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.faulty_apps import kept
from sse_observe.lab.drill.gateway_apps import relaying
from sse_observe.lab.drill.second_host import LEASE_SECONDS
from sse_observe.lab.drill.switch import Switch
from sse_observe.lab.programs.lossy_network import LossyNetwork
from sse_observe.lab.programs.server import Server
from sse_observe.reference.redis import RedisStore


class Address(NamedTuple):
    """A host and a port to listen on."""

    host: str
    port: int


class Service:
    """
    Serves the route of one fault while the block runs.

    Answers on loopback, on `address` too where one is given, and in the lossy network. A restart
    begins with new metrics and an empty replay.
    """

    def __init__(
        self,
        fault: Fault,
        switch: Switch,
        *,
        address: Address | None = None,
        network: LossyNetwork | None = None,
        store_url: str | None = None,
    ) -> None:
        self._fault = fault
        self._switch = switch
        self._address = address
        self._network = network
        self._store_url = store_url
        self._server = self._new_server(port=0)
        self.port = self._server.port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._restarting: asyncio.Future[None] | None = None
        if fault.restarts:
            switch.listeners.append(self._turned)

    async def __aenter__(self) -> Self:
        self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._restarting is not None:
            await self._restarting
        # Threads are few, and others may be waited for first.
        self._server.end()
        # Its streams write their ends, on ways that this loop carries.
        await asyncio.to_thread(self._server.stop)

    @property
    def is_ready(self) -> bool:
        """Whether new streams may come: a host that is drained wants none."""
        return self._drain is None or not self._drain.is_draining

    async def replace(self, seconds: float) -> None:
        """Drain it, wait for so long, and begin anew."""
        if self._drain is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._drain.begin)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self._restart)

    def _turned(self, on: bool) -> None:
        if on:
            loop = asyncio.get_running_loop()
            self._restarting = loop.run_in_executor(None, self._restart)

    def _restart(self) -> None:
        self._server.stop()
        self._server = self._new_server(self.port).start()

    def _new_server(self, port: int) -> Server:
        more = [] if self._network is None else [*self._network.listeners]
        if self._address is not None:
            more.append(_bound(self._address))
        return Server(self._new_app(), port=port, more=more)

    def _new_app(self) -> App:
        """Return the application, with nothing counted and nothing to replay."""
        self.metrics = SSEMetrics(CollectorRegistry())
        self._drain: Drain | None = None
        exposition = metrics_app(self.metrics)
        parts = self._parts(self._fault)

        async def service(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return
            self._loop = asyncio.get_running_loop()
            path = scope["path"]
            mounted = (app for start, app in parts.items() if path.startswith(start))
            app = next(mounted, nothing_here)
            if path == "/metrics" and not self._exporter_gone:
                app = exposition
            await app(scope, receive, send)

        return service

    @property
    def _exporter_gone(self) -> bool:
        return self._fault.exporter and self._switch.on

    def _parts(self, fault: Fault) -> dict[str, App]:
        """Return the applications by the start of their paths; the first that fits answers."""
        root = f"/{fault.name}"
        streams = SSEObserveMiddleware(
            _mounted(self._streams(fault), root),
            metrics=self.metrics,
            routes={fault.path: fault.route},
            tcp_info=fault.lossy,
        )
        beacon = {f"{root}{MOUNT}/": beacon_app(self.metrics)} if fault.beacon_reports else {}
        return {**beacon, f"{root}/": streams}

    def _streams(self, fault: Fault) -> App:
        if fault.provider is not None:
            provider = fault.provider(self._switch)
            return relaying(observe_client(provider, fault.name, metrics=self.metrics))
        if self._store_url is None:
            app = fault.service(self._switch)
            self._drain = app if isinstance(app, Drain) else None
            return app
        store = RedisStore.from_url(
            self._store_url, metrics=self.metrics, lease_seconds=LEASE_SECONDS
        )
        return kept(store)


def _mounted(app: App, root: str) -> App:
    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "root_path": root}, receive, send)

    return mounted


def _bound(address: Address) -> socket.socket:
    """Return a socket that is bound where somebody from outside will ask."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(address)
    except OSError as error:
        made.close()
        reason = error.strerror or error
        where = f"{address.host}:{address.port}"
        raise LabError(f"{where}: {reason}; choose another with --listen") from None
    return made
