"""
Hosts of one fleet in one loop: each with its own way to Redis, and clients that go from one to
the next. What each client got, each host counted and each producer said can be compared.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Self

from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware
from sse_observe.consumer import Gap, Request, Response, StreamFailedError, resume_stream
from sse_observe.reference import ResumableStreams, StoreDownError
from sse_observe.reference.redis import RedisStore
from sse_observe.wire import encode
from tests.support.redis_proxy import RedisProxy
from tests.support.virtual import Visit

LEASE_SECONDS = 1.5
PATIENCE_SECONDS = 60.0


class Script:
    """A producer of numbered words under the name of the run, so that a second run shows."""

    def __init__(self, total: int, pause: float = 0.02, size: int = 1) -> None:
        self.total = total
        self.pause = pause
        self.size = size
        self.runs = 0
        self.produced = 0
        self.closed = 0

    async def __call__(self, start: int = 0) -> AsyncIterator[bytes]:
        """Yield the words from some number on."""
        self.runs += 1
        run = self.runs
        try:
            for n in range(start, self.total):
                yield encode(f"{run}:{n}:" + "x" * self.size)
                self.produced += 1
                await asyncio.sleep(self.pause)
        finally:
            self.closed += 1


class Host:
    """One host: its store behind a proxy of its own, its streams, and what it counted."""

    def __init__(
        self, store: RedisStore, proxy: RedisProxy, script: Script, **options: Any
    ) -> None:
        self.store = store
        self.proxy = proxy
        self.streams = ResumableStreams(store, heartbeat_seconds=0.3, drain_seconds=0, **options)
        self.metrics = SSEMetrics(CollectorRegistry())
        self.app = SSEObserveMiddleware(self._app, metrics=self.metrics)
        self._script = script

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        if path == "/begin":
            await self.streams.response(self._script())(scope, receive, send)
        else:
            await self.streams.resume(path.rpartition("/")[2], None)(scope, receive, send)

    async def begin(self) -> str:
        """Begin a stream as a client that leaves at once; return its name."""
        visit = Visit(self.app, "/begin", method="POST", headers={"sse-resumable": "1"})
        await visit.until(lambda v: bool(v.events))
        name = str(visit.hello["stream"])
        await visit.left()
        return name

    def counted(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over all series with these labels."""
        return sum(
            sample.value
            for family in self.metrics.registry.collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


class Client:
    """One client of the fleet: what it got, in order, and what it was told of what it did not."""

    def __init__(
        self,
        hosts: list[Host],
        stream: str,
        *,
        first: int = 0,
        stall_seconds: float | None = None,
    ) -> None:
        self._hosts = hosts
        self._stall_seconds = stall_seconds
        self._next = first
        self._stream = stream
        self._visit: Visit | None = None
        self.words: list[str] = []
        self.gaps: list[Gap] = []
        self.connections = 0
        self.errors: list[str] = []
        self.failed = ""
        self.ended = False
        self.arrived_at = 0.0
        self.bytes_at = 0.0
        self.metrics = SSEMetrics(CollectorRegistry())
        self.task = asyncio.ensure_future(self._read())

    @asynccontextmanager
    async def _transport(self, request: Request) -> AsyncIterator[Response]:
        host = self._hosts[self._next % len(self._hosts)]
        self._next += 1
        self.connections += 1
        asked = {**request.headers, "sse-resumable": "1"}
        visit = self._visit = Visit(host.app, f"/streams/{self._stream}", headers=asked)
        try:
            await visit.until(lambda v: bool(v.messages) or v.is_cut)
            if not visit.messages:
                raise ConnectionResetError("cut before it was answered")
            yield Response(visit.status, visit.headers, self._chunks(visit))
        finally:
            visit.leave()
            with suppress(Exception):
                await visit.task

    async def _chunks(self, visit: Visit) -> AsyncIterator[bytes]:
        sent = 1
        while True:
            while sent < len(visit.messages):
                self.bytes_at = asyncio.get_running_loop().time()
                yield visit.messages[sent].get("body", b"")
                sent += 1
            if visit.complete or visit.is_cut:
                return
            await visit.until(lambda v, n=sent: len(v.messages) > n or v.is_cut)  # type: ignore[misc]

    async def _read(self) -> None:
        stream = resume_stream(
            f"http://fleet/streams/{self._stream}",
            transport=self._transport,
            dense_ids=True,
            metrics=self.metrics,
            stall_seconds=self._stall_seconds,
            max_retries=200,
            random=lambda: 0.0,
            sleep=lambda _: asyncio.sleep(0.05),
        )
        try:
            async for item in stream:
                self.arrived_at = asyncio.get_running_loop().time()
                if isinstance(item, Gap):
                    self.gaps.append(item)
                elif item.type == "error":
                    self.errors.append(json.loads(item.data)["error"]["type"])
                else:
                    self.words.append(item.data)
            self.ended = True
        except StreamFailedError as failure:
            self.failed = str(failure)
        finally:
            await stream.aclose()

    def cut(self) -> None:
        """Lose the connection, as in a tunnel."""
        if self._visit is not None:
            self._visit.cut()

    async def until(self, claim: Callable[[Self], bool]) -> Self:
        """Wait until the claim holds."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not claim(self):
                assert not self.task.done() or claim(self), (self.failed, self.words[-3:])
                await asyncio.sleep(0.005)
        return self

    async def finished(self) -> Self:
        """Wait for the end, whatever it is."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.task
        return self

    @property
    def numbers(self) -> list[int]:
        """The numbers of the words that it got."""
        return [int(word.split(":")[1]) for word in self.words]

    @property
    def duplicates(self) -> float:
        """The events that it was sent twice, and dropped."""
        return sum(
            sample.value
            for family in self.metrics.registry.collect()
            for sample in family.samples
            if sample.name == "sse_duplicate_events_total" and sample.labels["seen_by"] == "client"
        )

    @property
    def lost(self) -> int:
        """The events that it was told are gone."""
        return sum(gap.lost or 0 for gap in self.gaps)


async def ready(store: RedisStore) -> None:
    """Wait until both of a host's connections are there, however slow the machine is."""
    while True:
        with suppress(StoreDownError):
            async with store.watch("nothing", lambda: None):
                return


@asynccontextmanager
async def fleet(
    port: int,
    script: Script,
    *,
    hosts: int = 2,
    bounds: Mapping[str, Any] | None = None,
    url: str = "",
    **options: Any,
) -> AsyncIterator[list[Host]]:
    """Give hosts of one fleet, each with a proxy of its own in front of Redis."""
    prefix = f"t{secrets.token_hex(4)}:"
    given = {"max_events": 1000, "lease_seconds": LEASE_SECONDS, "timeout_seconds": 1.0}
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(hosts):
            proxy = await stack.enter_async_context(RedisProxy(port))
            metrics = SSEMetrics(CollectorRegistry())
            store = RedisStore.from_url(
                url or proxy.url, prefix=prefix, metrics=metrics, **{**given, **(bounds or {})}
            )
            host = Host(store, proxy, script, **options)
            host.store_metrics = metrics  # type: ignore[attr-defined]
            stack.push_async_callback(host.streams.aclose)
            await ready(store)
            found.append(host)
        yield found
