"""
Every fault of a shared store, with exact counts on the client's, the server's and the producer's
side: each event comes to each reader once, in order, or its loss is announced.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from sse_observe.reference import Interrupted
from tests.support.redis_server import RedisServer
from tests.support.stream_hosts import LEASE_SECONDS, Client, Host, Script, fleet
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.long]

TOTAL = 60
# Of one world, all its patience together.
_LONGEST_SECONDS = 240


@dataclass
class World:
    """Two hosts, one producer on the first, and readers: one on each, one that goes around."""

    server: RedisServer
    script: Script
    producing: Host
    reading: Host
    stream: str
    clients: list[Client] = field(default_factory=list)

    @property
    def roaming(self) -> Client:
        """The client that comes back to the other host after each cut."""
        return self.clients[0]

    async def produced(self, n: int) -> None:
        """Wait until the producer has produced so many words."""
        await until(lambda: self.script.produced >= n, f"{n} words", step_seconds=0.005)

    async def seen(self, n: int) -> None:
        """Wait until the roaming client has so many words."""
        await self.roaming.until(lambda client: len(client.words) >= n)

    def keys(self, *parts: str) -> list[str]:
        """Return the stream's own keys."""
        prefix = self.producing.store._prefix
        return [f"{prefix}{{{self.stream}}}{part}" for part in parts]


Fault = Callable[[World], Awaitable[None]]


async def several_cuts(world: World) -> None:
    for n in (5, 15, 25, 35, 45):
        await world.seen(n)
        world.roaming.cut()


async def cut_at_every_event(world: World) -> None:
    for n in range(1, 40):
        await world.seen(n)
        world.roaming.cut()


async def readers_way_to_redis_breaks(world: World) -> None:
    for n in (10, 20, 30):
        await world.seen(n)
        world.reading.proxy.cut()


async def producers_way_to_redis_breaks(world: World) -> None:
    for n in (10, 20, 30):
        await world.seen(n)
        world.producing.proxy.cut()


async def all_ways_break_at_once(world: World) -> None:
    for n in (10, 20, 30):
        await world.seen(n)
        for host in (world.producing, world.reading):
            host.proxy.cut()
        world.roaming.cut()


async def redis_refuses_the_producer(world: World) -> None:
    await world.seen(10)
    world.producing.proxy.refusing = True
    world.producing.proxy.cut()
    await asyncio.sleep(0.7)
    world.producing.proxy.refusing = False


async def redis_refuses_the_reader(world: World) -> None:
    await world.seen(10)
    world.reading.proxy.refusing = True
    world.reading.proxy.cut()
    await asyncio.sleep(0.7)
    world.reading.proxy.refusing = False


async def answers_to_the_producer_are_lost(world: World) -> None:
    await world.seen(10)
    world.producing.proxy.hold(requests=False)
    await asyncio.sleep(0.3)
    world.producing.proxy.cut()
    world.producing.proxy.flow()


async def the_producer_is_in_a_black_hole(world: World) -> None:
    await world.seen(10)
    world.producing.proxy.hold()
    await asyncio.sleep(0.9)
    world.producing.proxy.flow()


async def the_reader_is_in_a_black_hole(world: World) -> None:
    await world.seen(10)
    world.reading.proxy.hold()
    await asyncio.sleep(3)
    world.reading.proxy.flow()


async def everybody_is_in_a_black_hole(world: World) -> None:
    await world.seen(10)
    for host in (world.producing, world.reading):
        host.proxy.hold()
    await asyncio.sleep(3)
    for host in (world.producing, world.reading):
        host.proxy.flow()


async def redis_is_slow(world: World) -> None:
    await world.seen(10)
    for host in (world.producing, world.reading):
        host.proxy.delay_seconds = 0.25
    await world.produced(TOTAL)
    for host in (world.producing, world.reading):
        host.proxy.delay_seconds = 0


async def redis_stands_still(world: World) -> None:
    await world.seen(10)
    await asyncio.to_thread(world.server.pause)
    await asyncio.sleep(3)
    world.server.go_on()


async def redis_restarts_and_kept_everything(world: World) -> None:
    world.server.client.config_set("appendfsync", "always")
    world.server.client.config_set("appendonly", "yes")
    await asyncio.sleep(0.3)
    await world.seen(15)
    await asyncio.to_thread(world.server.kill)
    await asyncio.sleep(0.3)
    await asyncio.to_thread(world.server.start, "--appendonly", "yes")


async def redis_restarts_and_kept_nothing(world: World) -> None:
    await world.seen(15)
    await asyncio.to_thread(world.server.kill)
    await asyncio.sleep(0.3)
    await asyncio.to_thread(world.server.start)


async def everything_is_flushed(world: World) -> None:
    await world.seen(10)
    world.server.client.flushall()
    await world.seen(20)
    world.roaming.cut()
    await world.seen(30)
    world.server.client.flushall()


async def clients_come_back_before_what_redis_lost(world: World) -> None:
    """The producer's host reaches the empty Redis last."""
    await world.seen(10)
    world.producing.proxy.refusing = True
    world.producing.proxy.cut()
    await asyncio.to_thread(world.server.kill)
    await asyncio.to_thread(world.server.start)
    await come_back_too_early(world)


async def clients_come_back_before_what_was_flushed(world: World) -> None:
    """Only the store itself can tell: nobody here has lost a connection to it."""
    await world.seen(10)
    world.producing.proxy.refusing = True
    world.producing.proxy.cut()
    world.server.client.flushall()
    await come_back_too_early(world)


async def come_back_too_early(world: World) -> None:
    """Let the roaming client ask both hosts while the store knows nothing of its stream."""
    assert not world.server.client.exists(*world.keys(""))
    asked = world.roaming.connections
    world.roaming.cut()
    await world.roaming.until(lambda client: client.connections >= asked + 4)
    assert not world.server.client.exists(*world.keys(""))
    world.producing.proxy.refusing = False


async def the_log_is_evicted(world: World) -> None:
    await world.seen(10)
    world.server.client.delete(*world.keys(":log"))


async def the_facts_are_evicted(world: World) -> None:
    await world.seen(10)
    world.server.client.delete(*world.keys(""))


async def the_whole_stream_is_evicted(world: World) -> None:
    await world.seen(10)
    world.server.client.delete(*world.keys("", ":log"))


async def memory_is_exhausted_for_a_while(world: World) -> None:
    await world.seen(10)
    world.server.client.config_set("maxmemory", 1)
    await asyncio.sleep(0.7)
    world.server.client.config_set("maxmemory", 0)


async def news_are_cut_off(world: World) -> None:
    for n in (10, 20, 30):
        await world.seen(n)
        world.server.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")


async def news_are_cut_off_and_clients_come_back_meanwhile(world: World) -> None:
    await world.seen(10)
    world.reading.proxy.refusing = True
    world.reading.proxy.cut()
    world.roaming.cut()
    await asyncio.sleep(0.5)
    world.reading.proxy.refusing = False


WHOLE = [
    several_cuts,
    cut_at_every_event,
    readers_way_to_redis_breaks,
    producers_way_to_redis_breaks,
    all_ways_break_at_once,
    redis_refuses_the_producer,
    redis_refuses_the_reader,
    answers_to_the_producer_are_lost,
    the_producer_is_in_a_black_hole,
    the_reader_is_in_a_black_hole,
    everybody_is_in_a_black_hole,
    redis_is_slow,
    redis_stands_still,
    redis_restarts_and_kept_everything,
    redis_restarts_and_kept_nothing,
    everything_is_flushed,
    clients_come_back_before_what_redis_lost,
    clients_come_back_before_what_was_flushed,
    the_log_is_evicted,
    the_facts_are_evicted,
    the_whole_stream_is_evicted,
    memory_is_exhausted_for_a_while,
    news_are_cut_off,
    news_are_cut_off_and_clients_come_back_meanwhile,
]
"""Faults that a reader must not notice: every event once, in order, and none announced as lost."""
LONG_LEASE = {"lease_seconds": 10}
"""Where a producer must be back within a lease: longer than a starved machine holds it up."""
LEASES = dict.fromkeys(
    [
        redis_restarts_and_kept_nothing,
        clients_come_back_before_what_redis_lost,
        clients_come_back_before_what_was_flushed,
    ],
    LONG_LEASE,
)


@pytest.fixture
def redis_server(tmp_path: Any) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server:
        yield server


def in_a_world(
    server: RedisServer,
    test: Fault,
    script: Script | None = None,
    *,
    stall_seconds: float | None = None,
    **options: Any,
) -> World:
    async def main() -> World:
        produced = script or Script(TOTAL, pause=0.05)
        async with fleet(server.port, produced, **options) as (producing, reading):
            world = World(server, produced, producing, reading, await producing.begin())
            world.clients = [
                Client(hosts, world.stream, stall_seconds=stall_seconds)
                for hosts in ([producing, reading], [reading], [producing])
            ]
            try:
                await test(world)
            finally:
                for client in world.clients:
                    client.task.cancel()
                # One that still waits for its host ends with it.
                await asyncio.wait([client.task for client in world.clients], timeout=5)
            return world

    async def within(seconds: float) -> World:
        async with asyncio.timeout(seconds):
            return await main()

    return asyncio.run(within(_LONGEST_SECONDS))


def sequence_is_right(client: Client) -> bool:
    """Tell whether a client got each event at most once, in order."""
    return client.numbers == sorted(set(client.numbers))


@pytest.mark.parametrize("fault", WHOLE, ids=lambda fault: fault.__name__)
def test_readers_do_not_notice(redis_server: RedisServer, fault: Fault) -> None:
    """Every event comes to every reader once, in order; it is produced once; nothing is lost."""

    async def test(world: World) -> None:
        await fault(world)
        for client in world.clients:
            await client.finished()
            assert client.failed == ""
            assert client.numbers == list(range(TOTAL))
            assert client.gaps == []
            assert client.errors == []
            assert client.duplicates == 0
        for host in (world.producing, world.reading):
            assert host.counted("sse_message_loss_total") == 0
            assert host.counted("sse_resumes_total", outcome="unknown_stream") == 0
            assert host.proxy.most_connections <= 3
        assert (world.script.runs, world.script.produced) == (1, TOTAL)

    in_a_world(redis_server, test, bounds=LEASES.get(fault))


def test_heartbeats_go_on_while_redis_is_away_and_readers_go_on_within_a_second(
    redis_server: RedisServer,
) -> None:
    """A black hole of Redis is no silence to a client, and its end is felt at once."""

    async def test(world: World) -> None:
        await world.seen(10)
        for host in (world.producing, world.reading):
            host.proxy.hold()
        await asyncio.sleep(2.5)
        loop = asyncio.get_running_loop()
        words = [len(client.words) for client in world.clients]
        for client in world.clients:
            assert loop.time() - client.bytes_at < 0.6
        back_at = loop.time()
        for host in (world.producing, world.reading):
            host.proxy.flow()
        for client, had in zip(world.clients, words, strict=True):
            await client.until(lambda c, n=had: len(c.words) > n)  # type: ignore[misc]
            assert client.arrived_at - back_at < 1
        for client in world.clients:
            await client.finished()
            assert client.numbers == list(range(100))

    # A client that gave up on a host which a starved machine held up would be refused.
    in_a_world(redis_server, test, Script(100, pause=0.05), stall_seconds=10, bounds=LONG_LEASE)


def test_a_failover_that_loses_the_last_writes_shows_no_old_number_with_new_content(
    redis_server: RedisServer, tmp_path: Any
) -> None:
    """The replica knows less than the readers: what it lacks is written again, as it was."""
    total = 200
    with RedisServer(tmp_path / "replica") as replica:
        replica.client.replicaof("127.0.0.1", redis_server.port)

        async def test(world: World) -> None:
            await world.seen(5)
            await until(
                lambda: replica.client.info("replication")["master_link_status"] == "up",
                "the replica follows",
            )
            await world.seen(15)
            # The replica hears no more, and the readers do.
            replica.client.execute_command("CLIENT", "PAUSE", "0")
            redis_server.client.execute_command("CLIENT", "KILL", "TYPE", "replica")
            replica.client.replicaof("NO", "ONE")
            held = replica.client.hget(*world.keys(""), "l")
            await world.seen(int(held) + 10)
            for host in (world.producing, world.reading):
                host.proxy.point_at(replica.port)
            await asyncio.to_thread(redis_server.kill)
            world.roaming.cut()
            for client in world.clients:
                await client.finished()
                assert client.words == [f"1:{n}:x" for n in range(total)]
                assert (client.gaps, client.duplicates, client.failed) == ([], 0, "")
            assert (world.script.runs, world.script.produced) == (1, total)

        in_a_world(redis_server, test, Script(total, pause=0.05))


def test_a_gap_that_cannot_be_mended_is_announced(redis_server: RedisServer) -> None:
    """A client that comes back after more was dropped than is held is told how much."""

    async def test(world: World) -> None:
        await world.seen(5)
        had = len(world.roaming.words)
        world.roaming.cut()
        world.producing.streams.closed = world.reading.streams.closed = True
        await world.produced(60)
        world.producing.streams.closed = world.reading.streams.closed = False
        client = await world.roaming.finished()
        assert sequence_is_right(client)
        assert client.lost > 0
        assert len(client.words) + client.lost == TOTAL
        assert all(gap.announced for gap in client.gaps)
        assert client.numbers[:had] == list(range(had))
        counted = sum(
            host.counted("sse_message_loss_total", seen_by="server")
            for host in (world.producing, world.reading)
        )
        assert counted == client.lost

    in_a_world(redis_server, test, bounds={"max_events": 10})


def test_a_host_that_is_cut_off_is_taken_for_dead_and_fenced_when_it_returns(
    redis_server: RedisServer,
) -> None:
    """Readers elsewhere get an end, not a silence; what the lost host says then is refused."""

    async def test(world: World) -> None:
        await world.seen(10)
        elsewhere = world.clients[1]
        cut_at = asyncio.get_running_loop().time()
        world.producing.proxy.refusing = True
        world.producing.proxy.cut()
        await elsewhere.until(lambda c: bool(c.errors))
        assert asyncio.get_running_loop().time() - cut_at < 2 * LEASE_SECONDS + 1
        await elsewhere.finished()
        assert elsewhere.errors == ["producer_lost"]
        assert elsewhere.numbers == list(range(len(elsewhere.words)))
        assert world.reading.counted("sse_streams_closed_total", reason="error_event") == 1
        before = world.script.produced
        assert world.script.closed == 0
        world.producing.proxy.refusing = False
        await until(lambda: world.script.closed, "the producer is stopped")
        assert world.script.produced < world.script.total
        late = await Client([world.reading], world.stream).finished()
        assert late.errors == ["producer_lost"]
        assert late.numbers == elsewhere.numbers
        assert before >= len(late.words)

    in_a_world(redis_server, test, Script(2000, pause=0.02))


def test_the_outage_outlives_the_buffer(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A producer holds at most so much for a store that is away before its stream fails."""

    async def test(world: World) -> None:
        await world.seen(10)
        world.producing.proxy.refusing = True
        world.producing.proxy.cut()
        # All in a rush only now: no reader may be lapped before the store is away.
        world.script.pause = 0
        await until(lambda: world.script.closed, "the producer is stopped")
        world.producing.proxy.refusing = False
        for client in world.clients:
            await client.finished()
            assert client.errors == ["producer_failed"]
            # The whole buffer comes at once: who reads slower than it is trimmed is told so.
            assert len(client.words) + client.lost > 1000
            assert sequence_is_right(client)
            assert client.numbers[-1] + 1 == len(client.words) + client.lost

    with caplog.at_level(logging.WARNING):
        in_a_world(
            redis_server,
            test,
            Script(100_000, pause=0.05),
            bounds={"max_events": 5000, "lease_seconds": 30},
        )
    failed = [r for r in caplog.records if r.getMessage().startswith("a stream failed")]
    assert len(failed) == 1
    assert "events" in failed[0].getMessage()


def test_redis_is_flushed_and_the_host_dies(redis_server: RedisServer) -> None:
    """Nobody is left who could bring the stream back: its readers get an end."""

    async def test(world: World) -> None:
        await world.seen(10)
        world.producing.proxy.refusing = True
        world.producing.proxy.cut()
        world.server.client.flushall()
        elsewhere = await world.clients[1].finished()
        # A reader that had to ask again meanwhile was told later, and then that there is none.
        came_late = "answered 404" in elsewhere.failed
        assert came_late or elsewhere.errors in (["stream_gone"], ["producer_lost"]), elsewhere
        assert elsewhere.numbers == list(range(len(elsewhere.words)))

    in_a_world(redis_server, test, Script(100_000, pause=0.02))


def test_a_host_that_stops_in_order_ends_its_streams(redis_server: RedisServer) -> None:
    """Readers elsewhere learn at once that the answer will not go on."""

    async def test(world: World) -> None:
        await world.seen(10)
        await world.producing.streams.aclose()
        elsewhere = await world.clients[1].finished()
        assert elsewhere.errors == ["producer_failed"]
        assert elsewhere.numbers == list(range(len(elsewhere.words)))

    in_a_world(redis_server, test, Script(100_000, pause=0.02))


def goes_on(script: Script) -> Callable[[Interrupted], Any]:
    return lambda interrupted: script(interrupted.last + 1)


@pytest.mark.parametrize("orderly", [True, False], ids=["stopped in order", "lost"])
def test_another_host_takes_over(redis_server: RedisServer, orderly: bool) -> None:
    """Where the application can go on from a position, its readers never notice the change."""
    script = Script(TOTAL, pause=0.05)

    async def test(world: World) -> None:
        await world.seen(15)
        if orderly:
            await world.producing.streams.aclose()
        else:
            world.producing.proxy.refusing = True
            world.producing.proxy.cut()
        elsewhere = await world.clients[1].finished()
        assert elsewhere.failed == ""
        assert elsewhere.numbers == list(range(TOTAL))
        assert (elsewhere.gaps, elsewhere.errors, elsewhere.duplicates) == ([], [], 0)
        assert world.script.runs == 2

    in_a_world(redis_server, test, script, take_over=goes_on(script))


def test_a_stream_is_stopped_from_another_host(redis_server: RedisServer) -> None:
    """The user's stop reaches the producer wherever it runs, and every reader learns of the end."""

    async def test(world: World) -> None:
        await world.seen(10)
        assert await world.reading.streams.stop(world.stream)
        await until(lambda: world.script.closed, "the producer is stopped", step_seconds=0.005)
        for client in world.clients:
            await client.finished()
            assert client.ended
            assert client.errors == []
        assert world.reading.counted("sse_streams_closed_total", reason="cancelled") == 1
        assert not await world.reading.streams.stop(world.stream)

    in_a_world(redis_server, test, Script(100_000, pause=0.02))


def test_nothing_is_left_when_all_hosts_die(redis_server: RedisServer) -> None:
    """Every key has an end, whatever happened to whoever made it."""

    async def test(world: World) -> None:
        await world.seen(10)
        client = world.server.client
        assert client.keys()
        assert {key for key in client.scan_iter() if client.ttl(key) < 0} == set()

    in_a_world(redis_server, test)
