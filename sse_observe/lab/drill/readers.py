"""The readers of one fault: real clients of this package, behind a network that the fault cuts."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from sse_observe.consumer import Response, StreamFailedError, aiohttp_transport, resume_stream
from sse_observe.lab.drill.faults import Fault
from sse_observe.lab.drill.faulty_apps import Switch
from sse_observe.lab.programs.lossy_network import Wire
from sse_observe.lab.programs.network import Dial, Network, Streams, straight
from sse_observe.lab.programs.nginx import Nginx
from sse_observe.registry import SSEMetrics

# How long a healthy reader waits, before it comes back and before it asks for the next stream.
_PAUSE_SECONDS = 0.2
# The guide's limit: heartbeats are fast here, and 2.5 of them no time on a busy machine.
_STALL_SECONDS = 30.0
# The first streams are opened over so long, and more than so many over longer.
_FIRST_SECONDS = 2.0
_MANY = 40


class Readers:
    """
    As many readers as the fault wants, each a task; what they see is counted in `metrics`.

    They do what the fault says while `switch` is on.
    """

    def __init__(self, fault: Fault, switch: Switch, metrics: SSEMetrics) -> None:
        self._fault = fault
        self._switch = switch
        self._metrics = metrics
        self._url = ""

    @asynccontextmanager
    async def of(self, port: int, home: Path, wire: Wire | None = None) -> AsyncIterator[None]:
        """Read from a service, over what the fault puts in between, while the block runs."""
        fault = self._fault
        async with AsyncExitStack() as stack:
            dial: Dial | None = wire.dial if wire else None
            if fault.proxied:
                nginx = Nginx(home, upstream=port, read_timeout=fault.read_timeout or "60s")
                port = stack.enter_context(nginx).port
                if fault.buffering:
                    dial = self._proxy(nginx)
            base = f"http://127.0.0.1:{port}"
            if dial:
                network = await stack.enter_async_context(Network(dial, lambda: None))
                if fault.buffering:
                    # What was opened through a wrong proxy stays wrong until it ends.
                    self._switch.listeners.append(lambda _: network.cut())
                base = network.url
            self._url = f"{base}{fault.path}"
            tasks = [
                asyncio.create_task(self._live(number / fault.users))
                for number in range(fault.users)
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    def _proxy(self, nginx: Nginx) -> Dial:
        """Return what dials the proxy that is in use at the time."""

        async def dial() -> Streams:
            return await straight(nginx.buffering if self._switch.on else nginx.port)()

        return dial

    @asynccontextmanager
    async def _get(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[Response]:
        """Ask as every client does, on a line that may be cut."""
        async with aiohttp_transport()(url, headers) as response:
            yield replace(response, chunks=self._cut(response.chunks))

    async def _cut(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass on what comes while the line lives; a timeout is what a lost line looks like."""
        until = None
        while True:
            if until is None and self._fault.life is not None and self._switch.on:
                # No fleet loses all its lines in step.
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
