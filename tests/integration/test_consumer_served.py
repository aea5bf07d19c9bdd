"""The consumer against the real endpoint through a proxy that misbehaves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute
from sse_observe.consumer import (
    Event,
    Gap,
    StreamFailedError,
    aiohttp_transport,
    resume_stream,
)
from sse_observe.errors import SettingsError
from sse_observe.reference import MemoryStore, reference_app
from tests.apps.site import Counting
from tests.support.proxy import UnreliableProxy
from tests.support.servers import serve, serve_process

pytestmark = pytest.mark.slow

PATH = "/api/v1/stream"
ROUTES = {PATH: StreamRoute(heartbeat_seconds=10, terminal_events=("done",), dense_ids=True)}


def ticker(n: int, pause: float = 0.02) -> Any:
    async def produce(stream_id: str, params: Mapping[str, Any]) -> AsyncIterator[str]:
        for i in range(n):
            yield f"w{i}"
            await asyncio.sleep(pause)

    return produce


def slow_ticker() -> Any:
    """Return what is served in a process of its own, to be killed."""
    return reference_app(produce=ticker(10_000, pause=0.02))


def numbers(n: int) -> list[str]:
    return [str(k) for k in range(n)]


async def until(claim: Callable[[], bool]) -> None:
    """Wait until something is so; whoever waits has the time limit."""
    while not claim():  # noqa: ASYNC110 - what is waited for is in other threads
        await asyncio.sleep(0.02)


class World:
    """The server's metrics and the consumer's, and what was read."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("store", MemoryStore(max_events=100_000))
        self.server = SSEMetrics(CollectorRegistry())
        self.client = SSEMetrics(CollectorRegistry())
        self.app = SSEObserveMiddleware(
            reference_app(**options), routes=ROUTES, metrics=self.server
        )
        self.items: list[Event | Gap] = []

    def read(
        self,
        url: str,
        trouble: Callable[[], Awaitable[None]] | None = None,
        **options: Any,
    ) -> "World":
        """Read a stream to its end, with trouble beside it."""
        # Delays are proven in virtual time; here they only cost it.
        options.setdefault("sleep", lambda delay: asyncio.sleep(delay / 20))

        async def main() -> None:
            stream = resume_stream(f"{url}{PATH}", route=PATH, metrics=self.client, **options)
            beside = asyncio.ensure_future(trouble() if trouble else asyncio.sleep(0))
            async with asyncio.timeout(90), stream:
                async for item in stream:
                    self.items.append(item)
                await beside

        asyncio.run(main())
        return self

    async def more(self, n: int = 10) -> None:
        """Wait until so many more events were read."""
        enough = len(self.items) + n
        await until(lambda: len(self.items) >= enough)

    @property
    def texts(self) -> list[str]:
        return [item.data for item in self.items if isinstance(item, Event)]

    @property
    def gaps(self) -> list[Gap]:
        return [item for item in self.items if isinstance(item, Gap)]


def total(metrics: SSEMetrics, name: str, **labels: str) -> float:
    return sum(
        sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_cuts_and_resets_lose_nothing_and_double_nothing() -> None:
    """Both sides agree on every number: starts, ends, reconnects, replays, events."""
    source = Counting(0.02)
    world = World(produce=source)
    with serve(world.app) as url, UnreliableProxy(url) as proxy:

        async def trouble() -> None:
            await world.more()
            for connections, fail in ((2, proxy.cut), (3, proxy.reset), (4, proxy.cut)):
                fail()
                await until(lambda n=connections: proxy.connections >= n)  # type: ignore[misc]
                # What comes now may be what was on its way still: the resume is over when
                # the consumer has counted it.
                await until(lambda n=connections: reconnects() >= n - 1)  # type: ignore[misc]
                await world.more()
            source.enough()

        def reconnects() -> float:
            return total(world.client, "sse_reconnect_time_seconds_count")

        world.read(proxy.url, trouble)

    assert world.texts == numbers(source.total)
    assert world.gaps == []
    assert proxy.connections == 4
    client, server = world.client, world.server
    assert total(client, "sse_reconnect_time_seconds_count") == 3
    assert total(client, "sse_client_streams_total", outcome="completed") == 1
    assert total(client, "sse_client_events_received_total") == source.total
    assert total(client, "sse_message_loss_total") == 0
    assert total(server, "sse_streams_opened_total", start="fresh") == 1
    assert total(server, "sse_streams_opened_total", start="resumed") == 3
    assert total(server, "sse_resumes_total", outcome="full") == 3
    assert total(server, "sse_message_loss_total") == 0
    assert total(server, "sse_streams_closed_total", reason="completed") == 1


def test_a_stalled_line_is_left_and_the_stream_resumed() -> None:
    """Nobody hangs up and nothing comes: only the silence shows it."""
    source = Counting(0.02)
    world = World(produce=source)
    with serve(world.app) as url, UnreliableProxy(url) as proxy:

        async def trouble() -> None:
            # On a busy machine an alarm may ring far too late: that is taken for sleep.
            while not total(world.client, "sse_stall_detections_total"):
                await world.more()
                proxy.stall()
                await until(lambda before=proxy.connections: proxy.connections > before)
                proxy.flow()
            await world.more()
            source.enough()

        world.read(proxy.url, trouble, stall_seconds=1.5)
    stalls = total(world.client, "sse_stall_detections_total", seen_by="client")

    assert world.texts == numbers(source.total)
    assert world.gaps == []
    assert 1 <= total(world.client, "sse_stall_recovery_seconds_count") <= stalls


def test_what_the_buffer_could_not_keep_is_a_gap_of_the_same_size_on_both_sides() -> None:
    """The hole that the consumer names is the loss that the server counted."""
    source = Counting(0.02)
    world = World(produce=source, store=MemoryStore(max_events=5))

    async def outlast_the_buffer(delay: float) -> None:
        missed = source.total + 10
        await until(lambda: source.total >= missed)

    with serve(world.app) as url, UnreliableProxy(url) as proxy:

        async def trouble() -> None:
            await world.more()
            proxy.cut()
            await until(lambda: bool(world.gaps))
            await world.more(3)
            source.enough()

        world.read(proxy.url, trouble, sleep=outlast_the_buffer)
    lost = sum(gap.lost or 0 for gap in world.gaps)

    assert lost > 0
    assert all(gap.announced for gap in world.gaps)
    assert len(world.texts) + lost == source.total
    assert total(world.server, "sse_message_loss_total", seen_by="server") == lost
    assert total(world.client, "sse_message_loss_total", seen_by="client") == 0


def test_a_proxy_that_holds_everything_back_still_delivers_a_whole_answer() -> None:
    """The stalled attempts end; the finished answer comes at once, once, whole."""
    world = World(produce=ticker(20, pause=0.05))
    with serve(world.app) as url, UnreliableProxy(url) as proxy:
        proxy.buffering = True
        world.read(proxy.url, connect_seconds=20)

    assert world.texts == [f"w{i}" for i in range(20)]
    assert world.gaps == []


def test_a_proxy_that_cuts_idle_streams_is_outlived_by_heartbeats() -> None:
    """Silence of the application is not silence on the line."""
    world = World(produce=ticker(2, pause=3), heartbeat_seconds=0.2)
    with serve(world.app) as url, UnreliableProxy(url) as proxy:
        proxy.idle_seconds = 2
        world.read(proxy.url)

    assert world.texts == ["w0", "w1"]
    # Without heartbeats each pause would cut it; a busy machine may once be as silent.
    assert proxy.connections <= 2


def test_a_slow_link_is_slow_and_nothing_else() -> None:
    """2 kB per second: late, whole, and no stall."""
    world = World(produce=ticker(40, pause=0.001))
    with serve(world.app) as url, UnreliableProxy(url) as proxy:
        proxy.trickle = 2000
        world.read(proxy.url)

    assert world.texts == [f"w{i}" for i in range(40)]
    assert total(world.client, "sse_stall_detections_total") == 0
    assert proxy.connections == 1


def test_a_killed_server_and_a_deploy_with_an_empty_store_are_gaps() -> None:
    """The next process knows nothing: what follows is another stream, and the caller knows."""
    world = World()
    target = "tests.integration.test_consumer_served:slow_ticker"

    async def main() -> None:
        stream = resume_stream(
            f"{proxy.url}{PATH}",
            route=PATH,
            metrics=world.client,
            sleep=lambda delay: asyncio.sleep(delay / 20),
        )
        async with asyncio.timeout(90), stream:
            async for item in stream:
                world.items.append(item)
                if len(world.items) == 10:
                    old.kill()
                    proxy.point_at(new.url)
                if world.gaps and len(world.items) > world.items.index(world.gaps[0]) + 5:
                    break

    with (
        serve_process(target, "--factory") as old,
        serve_process(target, "--factory") as new,
        UnreliableProxy(old.url) as proxy,
    ):
        asyncio.run(main())
    at = next(n for n, item in enumerate(world.items) if isinstance(item, Gap))

    assert world.gaps == [Gap(None, announced=True)]
    assert world.texts[:at] == [f"w{i}" for i in range(at)]
    assert world.texts[at] == "w0"
    assert total(world.client, "sse_duplicate_events_total") == 0
    assert total(world.client, "sse_client_streams_total", outcome="cancelled") == 1


def test_an_outage_is_waited_for() -> None:
    """Hanging up on arrival, again and again, is an outage, not an end."""
    source = Counting(0.02)
    world = World(produce=source)
    with serve(world.app) as url, UnreliableProxy(url) as proxy:

        async def trouble() -> None:
            await world.more()
            proxy.refusing = True
            proxy.cut()
            await until(lambda: proxy.connections >= 4)
            proxy.refusing = False
            await until(lambda: total(world.client, "sse_reconnect_time_seconds_count") == 1)
            source.enough()

        world.read(proxy.url, trouble)

    assert world.texts == numbers(source.total)
    # One outage, however many attempts it took.
    assert total(world.client, "sse_reconnect_time_seconds_count") == 1


def test_a_failed_stream_fails_its_consumer() -> None:
    """The tail arrives, and then one line instead of an endless loop."""

    async def produce(stream_id: str, params: Mapping[str, Any]) -> AsyncIterator[str]:
        yield "w0"
        await asyncio.sleep(0.2)
        raise ValueError("model fell over")

    world = World(produce=produce)
    with serve(world.app) as url, pytest.raises(StreamFailedError, match="producer_failed"):
        world.read(url)

    # In a plain feed an error is an event like any other until it is the last.
    assert [text for text in world.texts if "producer_failed" not in text] == ["w0"]
    assert total(world.client, "sse_client_streams_total", outcome="failed") == 1
    assert total(world.server, "sse_streams_closed_total", reason="server_error") == 1


def test_a_session_of_the_callers_is_used_and_left_open() -> None:
    """Pools, proxies and TLS settings are the caller's, and so is the end of them."""
    world = World(produce=ticker(3))

    async def main(url: str) -> bool:
        async with aiohttp.ClientSession(headers={"User-Agent": "mine"}) as session:
            stream = resume_stream(
                f"{url}{PATH}", metrics=world.client, transport=aiohttp_transport(session)
            )
            world.items += [item async for item in stream]
            return session.closed

    with serve(world.app) as url:
        assert asyncio.run(main(url)) is False
    assert world.texts == ["w0", "w1", "w2"]


def test_a_url_without_a_host_is_one_line() -> None:
    """The library's own error becomes one of ours."""

    async def main() -> None:
        async for _ in resume_stream("http://", metrics=SSEMetrics(CollectorRegistry())):
            pass

    with pytest.raises(SettingsError, match="http://"):
        asyncio.run(main())


def test_a_hundred_consumers_over_a_bad_line_all_complete() -> None:
    """Cut five times while all are reading: every answer is whole."""
    world = World(produce=ticker(60, pause=0.05))
    wrong: list[object] = []
    reading: set[int] = set()
    all_reading = asyncio.Event()

    async def one(url: str, n: int) -> None:
        texts: list[str] = []
        stream = resume_stream(
            f"{url}{PATH}",
            route=PATH,
            metrics=world.client,
            sleep=lambda delay: asyncio.sleep(delay / 20),
        )
        async with asyncio.timeout(120), stream:
            async for item in stream:
                reading.add(n)
                if len(reading) == 100:
                    all_reading.set()
                if isinstance(item, Gap):
                    wrong.append(item)
                else:
                    texts.append(item.data)
        if texts != [f"w{i}" for i in range(60)]:
            wrong.append(texts)

    async def main(proxy: UnreliableProxy) -> None:
        async def trouble() -> None:
            # Who is cut before the greeting has no stream to come back to.
            await all_reading.wait()
            for n in range(5):
                (proxy.cut, proxy.reset)[n % 2]()
                await asyncio.sleep(0.4)

        await asyncio.gather(trouble(), *(one(proxy.url, n) for n in range(100)))

    with serve(world.app) as url, UnreliableProxy(url) as proxy:
        asyncio.run(main(proxy))

    assert wrong == []
    assert total(world.client, "sse_client_streams_total", outcome="completed") == 100
    assert total(world.server, "sse_streams_opened_total", start="fresh") == 100
    assert total(world.server, "sse_streams_closed_total", reason="completed") == 100
