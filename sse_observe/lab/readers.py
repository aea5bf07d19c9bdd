"""The readers of one fault: real clients of this package, behind a network that the fault cuts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from sse_observe.consumer import StreamFailedError, resume_stream
from sse_observe.lab.broken import Switch
from sse_observe.lab.faults import Fault
from sse_observe.lab.network import Network
from sse_observe.lab.nginx import Nginx
from sse_observe.registry import SSEMetrics

# How long a healthy reader waits, before it comes back and before it asks for the next stream.
_PAUSE_SECONDS = 0.2


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
    async def of(self, port: int, home: Path) -> AsyncIterator[None]:
        """Read from a service, over what the fault puts in between, while the block runs."""
        fault = self._fault
        async with AsyncExitStack() as stack:
            if fault.read_timeout:
                nginx = Nginx(home, upstream=port, read_timeout=fault.read_timeout)
                port = stack.enter_context(nginx).port
            self._url = f"http://127.0.0.1:{port}{fault.path}"
            if fault.life:
                network = await stack.enter_async_context(Network(port, self._life))
                self._switch.cut = network.cut
                self._url = f"{network.url}{fault.path}"
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

    def _life(self) -> float | None:
        """Return how long the next connection may live."""
        return self._fault.life if self._switch.on else None

    async def _live(self, later: float) -> None:
        # Not all at once: a fleet's streams begin and end at any time.
        await asyncio.sleep(2 * later)
        while True:
            with suppress(StreamFailedError):
                await self._read()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _read(self) -> None:
        stream = resume_stream(
            self._url,
            route=self._fault.path,
            max_retries=self._fault.retries,
            metrics=self._metrics,
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
