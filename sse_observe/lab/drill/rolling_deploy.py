"""
Three hosts behind a balancer, replaced one after the other, and what their readers notice of it.

A fourth one takes the streams of the first, as `maxSurge: 1` has it.

Knows how a deploy goes; that a host lets its streams end is the host's own doing.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager

from sse_observe.consumer import ResumedStream, StreamFailedError, aiohttp_transport, resume_stream
from sse_observe.lab.drill.drained_apps import ANSWER, DRAIN_SECONDS, WORDS
from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.service import Service
from sse_observe.lab.drill.switch import Switch
from sse_observe.lab.drill.verdict import Claim
from sse_observe.lab.programs.cutting_proxy import Connection, CuttingProxy, dial_port
from sse_observe.registry import SSEMetrics

# One scrape more, or the last numbers of a host go with it: docs/start/workers.md.
_SCRAPED_SECONDS = 1.5
# A peak is looked for in so many seconds, a minute of the rules at the drill's usual speed.
_BIN_SECONDS = 2.0
_MOST_OF_MEAN = 2.0
# Of twelve readers one reads answers.
_READS_ANSWERS = 12
_FIRST_SECONDS = 2.0


class RollingDeploy:
    """
    A deploy that begins when the switch is turned on; readers read meanwhile.

    All of `hosts` are replaced but the last, which comes in addition.
    """

    def __init__(self, fault: Fault, switch: Switch, hosts: Sequence[Service]) -> None:
        self._fault = fault
        self._hosts = hosts
        self._replaced = [*hosts[:-1]]
        self._in_use = self._replaced
        # They outlive every host.
        self._metrics: SSEMetrics = hosts[0].metrics
        self._connections: dict[Service, list[asyncio.StreamWriter]] = {h: [] for h in hosts}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed = Counter[str]()
        self._answers = 0
        self._returns: list[float] = []
        self._done = False
        switch.listeners.append(lambda on: self._start(self._deploy()) if on else None)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Read through the balancer while the block runs."""
        async with CuttingProxy(self._dial) as balancer:
            url = f"{balancer.url}{self._fault.path}"
            for number in range(self._fault.users):
                later = number / self._fault.users * _FIRST_SECONDS
                reads_answers = number % _READS_ANSWERS == 0
                self._start(self._answer(url, later) if reads_answers else self._feed(url, later))
            try:
                yield
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.wait(self._tasks)

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)

    async def _dial(self) -> Connection:
        """Connect to the host that is ready and has the fewest connections."""
        ready = [host for host in self._in_use if host.is_ready] or self._in_use
        host = min(ready, key=self._open)
        connection = await dial_port(host.port)()
        self._connections[host].append(connection[1])
        return connection

    def _open(self, host: Service) -> int:
        still = [one for one in self._connections[host] if not one.is_closing()]
        self._connections[host] = still
        return len(still)

    async def _deploy(self) -> None:
        self._returns.clear()
        self._in_use = [*self._hosts]
        for host in self._replaced:
            await host.replace(DRAIN_SECONDS + _SCRAPED_SECONDS)
        self._done = True

    async def _feed(self, url: str, later: float) -> None:
        await asyncio.sleep(later)
        while True:
            try:
                async with self._stream(url, self._returned) as stream:
                    async for _ in stream:
                        pass
            except StreamFailedError:
                self._failed["feeds"] += 1

    async def _answer(self, url: str, later: float) -> None:
        await asyncio.sleep(later)
        while True:
            words = 0
            try:
                async with self._stream(f"{url}{ANSWER}", None) as stream:
                    async for _ in stream:
                        words += 1
            except StreamFailedError:
                words = -1
            self._answers += 1
            self._failed["answers"] += words != WORDS
            await asyncio.sleep(1)

    def _stream(self, url: str, on_status: Callable[[str, int, str], None] | None) -> ResumedStream:
        return resume_stream(
            url,
            route=self._fault.path,
            metrics=self._metrics,
            transport=aiohttp_transport(),
            on_status=on_status,
        )

    def _returned(self, status: str, attempt: int, _: str) -> None:  # noqa: ARG002
        if status == "live":
            self._returns.append(asyncio.get_running_loop().time())

    def claims(self) -> tuple[Claim, ...]:
        """Return what the deploy had to keep, and whether it did; nothing before it is over."""
        if not self._done:
            return (Claim("the deploy was not over in time", holds=False),)
        failed = ", ".join(f"{n} {what} failed" for what, n in self._failed.items() if n)
        began, ended = self._returns[0], self._returns[-1]
        bins = Counter(int((at - began) / _BIN_SECONDS) for at in self._returns)
        mean = len(self._returns) / max(ended - began, _BIN_SECONDS)
        peak = max(bins.values()) / _BIN_SECONDS
        return (
            Claim(failed or f"no stream failed, of {self._answers} answers too", holds=not failed),
            Claim(
                f"{len(self._returns)} returns, {mean:.1f} a second on average, {peak:.1f} at most",
                holds=peak < _MOST_OF_MEAN * mean,
            ),
        )
