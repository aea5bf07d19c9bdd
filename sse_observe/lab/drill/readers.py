"""The readers of one fault: real clients of this package, on connections that the fault cuts."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from sse_observe.consumer import (
    Request,
    Response,
    StreamFailedError,
    aiohttp_transport,
    resume_stream,
)
from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.second_host import SecondHost
from sse_observe.lab.drill.switch import Switch
from sse_observe.lab.programs.cutting_proxy import Connection, CuttingProxy, Dial, dial_port
from sse_observe.lab.programs.lossy_network import LossyNetwork
from sse_observe.lab.programs.nginx import Nginx
from sse_observe.registry import SSEMetrics

# How long a healthy reader waits, before it comes back and before it asks for the next stream.
_PAUSE_SECONDS = 0.2
# Heartbeats are fast here: 2.5 of them, the usual limit, pass at once on a busy machine.
_STALL_SECONDS = 30.0
# Forty readers open their first streams over two seconds; more readers take longer.
_FIRST_SECONDS = 2.0
_MANY = 40


class Readers:
    """
    All readers of a fault, each a task; their clients count what they see in `metrics`.

    While `switch` is on they behave as the fault says.
    """

    def __init__(self, fault: Fault, switch: Switch, metrics: SSEMetrics) -> None:
        self._fault = fault
        self._switch = switch
        self._metrics = metrics
        self._url = ""

    @asynccontextmanager
    async def reading(
        self,
        port: int,
        home: Path,
        network: LossyNetwork | None = None,
        second: SecondHost | None = None,
    ) -> AsyncIterator[None]:
        """
        Read from the service at a port while the block runs; an nginx writes below `home`.

        From a second host as long as it is there.
        """
        async with AsyncExitStack() as stack:
            base = await self._connected(stack, port, home, network, second)
            self._url = f"{base}{self._fault.path}"
            tasks = [
                asyncio.create_task(self._live(number / self._fault.users))
                for number in range(self._fault.users)
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    async def _connected(
        self,
        stack: AsyncExitStack,
        port: int,
        home: Path,
        network: LossyNetwork | None,
        second: SecondHost | None,
    ) -> str:
        """Put in between what the fault wants; return the URL that readers ask."""
        dial: Dial | None = network.dial if network else None
        if self._fault.proxied:
            nginx = Nginx(home, upstream=port, read_timeout=self._fault.read_timeout or "60s")
            port = stack.enter_context(nginx).port
            if self._fault.buffering:
                dial = self._dial_nginx(nginx)
        if second is not None:
            dial = _dial_either(second.port, port)
        if dial is None:
            return f"http://127.0.0.1:{port}"
        proxy = await stack.enter_async_context(CuttingProxy(dial))
        if self._fault.buffering:
            # A stream stays on the proxy that it was opened through.
            self._switch.listeners.append(lambda _: proxy.cut())
        return proxy.url

    def _dial_nginx(self, nginx: Nginx) -> Dial:
        """Return a function that connects to the nginx that is in use at the time."""

        async def dial() -> Connection:
            return await dial_port(nginx.buffering if self._switch.on else nginx.port)()

        return dial

    @asynccontextmanager
    async def _get(self, request: Request) -> AsyncIterator[Response]:
        """Ask as every client does, on a connection that may be cut."""
        async with aiohttp_transport()(request) as response:
            yield replace(response, chunks=self._cut(response.chunks))

    async def _cut(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass chunks on until the connection is cut, which looks like a timeout."""
        until = None
        while True:
            if until is None and self._fault.life is not None and self._switch.on:
                # No fleet loses all its connections in step.
                life = self._fault.life * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
                until = asyncio.get_running_loop().time() + life
            try:
                async with asyncio.timeout_at(until):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            yield chunk

    async def _live(self, later: float) -> None:
        # Not all at once: a fleet's streams begin and end at any time.
        await asyncio.sleep(later * _FIRST_SECONDS * max(1, self._fault.users / _MANY))
        while True:
            with suppress(StreamFailedError):
                await self._read()
            await asyncio.sleep(_PAUSE_SECONDS * random.uniform(0, 2))  # noqa: S311 - no secret

    async def _read(self) -> None:
        stream = resume_stream(
            self._url,
            route=self._fault.path,
            max_retries=self._fault.retries,
            stall_seconds=_STALL_SECONDS,
            metrics=self._metrics,
            transport=self._get,
            sleep=self._sleep,
        )
        seen = 0
        async with stream:
            async for _ in stream:
                seen += 1
                if self._switch.on and self._fault.patience and seen >= self._fault.patience:
                    return

    async def _sleep(self, _: float) -> None:
        """Wait as the fault says, whatever the client's own back-off is by now."""
        await asyncio.sleep(self._fault.pause if self._switch.on else _PAUSE_SECONDS)


def _dial_either(first: int, second: int) -> Dial:
    """Return a function that connects to the first port, or to the second if it must."""

    async def dial() -> Connection:
        try:
            return await dial_port(first)()
        except OSError:
            return await dial_port(second)()

    return dial
