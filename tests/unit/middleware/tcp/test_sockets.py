"""The kernel's facts on the socket under a stream, and on no other socket."""

import asyncio
import logging
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from sse_observe import SSEObserveMiddleware, StreamRoute
from sse_observe.middleware.route_counts import RouteCounts
from sse_observe.middleware.tcp import Sockets, probe, sockets
from sse_observe.middleware.tracker import StreamTracker
from tests.support.asgi import http_scope, samples, value
from tests.support.tcp_pair import Line
from tests.support.tcp_streams import AGAIN, FAULTS, RTTS, SENT, UNSENT, Life, info, until_left

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


def descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class Scripted:
    """A probe that answers what it is told."""

    def __init__(self, fd):
        self.cookie = bytes([fd % 256]) * 8
        self.facts = {}

    def read(self):
        if "error" in self.facts:
            raise self.facts["error"]
        return probe.facts(info(**self.facts))


@pytest.fixture
def scripted(monkeypatch):
    """Replace the way to a socket; the probes that were made are in the list."""
    made = []

    def find(fd):
        made.append(Scripted(len(made)))
        return made[-1], made[-1].read()

    monkeypatch.setattr(sockets.Descriptor, "find", find)
    return made


def test_segments_count_from_the_opening_to_the_end(metrics, observed, tracker, line) -> None:
    """Segments that the connection carried before the stream are not the stream's."""

    async def live():
        line.say(7)
        async with Life(observed, line.scope(), line):
            line.say(3)
            tracker.tick()
            assert value(metrics, SENT, route="/s") == 3
            line.say(2)
        line.say(4)
        tracker.tick()

    asyncio.run(live())

    assert value(metrics, SENT, route="/s", network_type="unknown") == 5
    assert value(metrics, AGAIN) == 0
    # One reading by the tick, one at the end.
    assert value(metrics, RTTS, route="/s") == 2
    assert 0 < value(metrics, "sse_tcp_rtt_seconds_sum", route="/s") < 1
    assert value(metrics, FAULTS) == 0


def test_counters_of_32_bits_may_wrap(metrics, observed, tracker, line, scripted) -> None:
    """A long-lived connection does not count backwards."""

    async def live():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Scripted, "facts", {"sent": 2**32 - 1, "again": 2**32 - 2}, raising=False)
            patch.setattr(Scripted, "__init__", lambda self, _: setattr(self, "cookie", b"c"))
            async with Life(observed, line.scope(), line):
                scripted[0].facts = {"sent": 9, "again": 1}
                tracker.tick()

    asyncio.run(live())

    assert (value(metrics, SENT), value(metrics, AGAIN)) == (10, 3)


def test_bytes_not_sent_are_summed_over_open_streams(
    metrics, observed, tracker, line, scripted
) -> None:
    """The gauge follows each socket and is back at 0 when all are closed."""
    shown = []

    async def live():
        async with Life(observed, line.scope(), line), Life(observed, line.scope("/t"), line):
            scripted[0].facts = {"unsent": 5000}
            scripted[1].facts = {"unsent": 300}
            async with Life(observed, line.scope(), line):
                scripted[2].facts = {"unsent": 70}
                tracker.tick()
                shown.append(
                    (value(metrics, UNSENT, route="/s"), value(metrics, UNSENT, route="/t"))
                )
            scripted[0].facts = {"unsent": 4000}
            tracker.tick()
            shown.append((value(metrics, UNSENT, route="/s"), value(metrics, UNSENT, route="/t")))

    asyncio.run(live())

    assert shown == [(5070, 300), (4000, 300)]
    assert value(metrics, UNSENT) == 0


def test_a_client_that_reads_nothing_is_seen(metrics, observed, tracker, line) -> None:
    """The bytes wait in the kernel although every `send` returns at once."""

    async def live():
        line.socket.setblocking(False)
        async with Life(observed, line.scope(), line):
            with suppress(BlockingIOError):
                while True:
                    line.socket.send(bytes(65536))
            tracker.tick()
            assert value(metrics, UNSENT, route="/s") > 65536

    asyncio.run(live())

    assert value(metrics, UNSENT, route="/s") == 0


def test_streams_over_one_socket_count_it_once(metrics, observed, tracker, line) -> None:
    """HTTP/2: the oldest stream is charged, and when it ends the next one."""

    async def live():
        scope = {"http_version": "2"}
        async with Life(observed, line.scope("/t", **scope), line):
            async with Life(observed, line.scope("/s", **scope), line):
                line.say(3)
                tracker.tick()
                line.say(2)
            line.say(1)
        line.say(5)

    async def handed_over():
        first = Life(observed, line.scope("/t"), line)
        await first.__aenter__()
        async with Life(observed, line.scope("/s"), line):
            line.say(10)
            await first.__aexit__()
            line.say(20)

    asyncio.run(live())
    assert (value(metrics, SENT, route="/t"), value(metrics, SENT, route="/s")) == (6, 0)
    asyncio.run(handed_over())
    assert (value(metrics, SENT, route="/t"), value(metrics, SENT, route="/s")) == (16, 20)


def test_what_waits_on_a_shared_socket_moves_with_the_charge(
    metrics, observed, tracker, line, monkeypatch
) -> None:
    """Bytes not sent are never on two routes, and on none at the end."""
    one = Scripted(1)
    monkeypatch.setattr(sockets.Descriptor, "find", lambda fd: (one, one.read()))

    async def live():
        first = Life(observed, line.scope("/t"), line)
        await first.__aenter__()
        async with Life(observed, line.scope("/s"), line):
            one.facts = {"unsent": 900}
            tracker.tick()
            assert samples(metrics, UNSENT) == {UNSENT + "{route=/t}": 900}
            await first.__aexit__()
            assert samples(metrics, UNSENT) == {UNSENT + "{route=/s}": 900}

    asyncio.run(live())

    assert samples(metrics, UNSENT) == {}


def test_a_number_that_means_another_socket_is_not_read(metrics, observed, tracker, line) -> None:
    """Descriptor numbers are used again at once; the cookie tells."""
    other = Line()

    async def live():
        async with Life(observed, line.scope(), line):
            line.say(2)
            tracker.tick()
            other.say(50)
            os.dup2(other.socket.fileno(), line.socket.fileno())
            tracker.tick()
            other.say(50)

    asyncio.run(live())
    other.close()

    assert value(metrics, SENT) == 2
    assert value(metrics, RTTS) == 1
    assert value(metrics, FAULTS) == 0


@pytest.mark.parametrize("end", ["closed", "file"])
def test_a_socket_that_is_gone_is_let_go(observed, tracker, line, tmp_path, end) -> None:
    """A server may close first; what was read stays counted, nothing is a fault."""

    async def live():
        async with Life(observed, line.scope(), line):
            line.say(2)
            tracker.tick()
            if end == "closed":
                line.socket.close()
            else:
                with (tmp_path / "file").open("w") as file:
                    os.dup2(file.fileno(), line.socket.fileno())
            tracker.tick()

    asyncio.run(live())

    assert value(tracker.metrics, SENT) == 2
    assert value(tracker.metrics, FAULTS) == 0


def test_a_transport_that_closes_is_not_joined(metrics, observed, tracker, line) -> None:
    """Its descriptor may be another's already, so not even the address is tried."""
    line.closing = True

    async def live():
        async with Life(observed, line.scope(), line):
            line.say(2)

    asyncio.run(live())

    assert value(metrics, SENT) == 0


def test_nothing_holds_a_socket_open(metrics, observed, tracker, line) -> None:
    """A server that closes under an open stream ends the connection there and then."""

    async def live():
        async with Life(observed, line.scope(), line):
            tracker.tick()
            line.socket.close()
            line.client.settimeout(5)
            assert line.client.recv(1) == b""

    asyncio.run(live())


@pytest.mark.parametrize("shown", [True, False], ids=["transport", "address"])
def test_no_descriptor_leaks(metrics, observed, tracker, shown) -> None:
    """After 500 streams as many are open as before, and few in between."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        before = descriptors()
        most = []

        async def live():
            for number in range(500):
                line = Line(listener)
                async with Life(observed, line.scope(), line if shown else None):
                    line.say()
                    if number % 50 == 0:
                        tracker.tick()
                        most.append(descriptors())
                line.close()

        loop_parts = 4
        asyncio.run(live())

        assert descriptors() == before
        assert max(most) <= before + loop_parts + 2 + (not shown)
    assert value(metrics, SENT) == 500


def test_streams_take_turns_when_they_are_many(metrics, observed, tracker, scripted) -> None:
    """A tick reads a bounded number of sockets, in slices, and the next tick the others."""
    reads = []
    many = 2 * sockets._MOST_PER_TICK + 100

    class Counting(Scripted):
        def __init__(self, number):
            super().__init__(0)
            self.cookie = number.to_bytes(8, "big")

        def read(self):
            reads.append(self.cookie)
            return (0,) * 6

    class Far:
        counts = RouteCounts("/s", StreamRoute())
        labels = ("all", "4g")

    reader = tracker.sockets
    for number in range(many):
        far, way = Far(), Counting(number)
        watched = sockets.Watched(way, (0,) * 6, far)
        reader._sockets[way.cookie] = watched
        reader._of[far] = watched

    slices = sum(1 for _ in reader.rounds())
    assert len(reads) == len(set(reads)) == sockets._MOST_PER_TICK
    assert slices == sockets._MOST_PER_TICK / sockets._SLICE
    for _ in range(2):
        list(reader.rounds())
    assert len(set(reads)) == many


# Off, and what cannot be.


def test_a_source_that_is_off_exports_nothing(metrics) -> None:
    """Without the switch there is no series; with it all start at 0."""
    routes = {"/s": StreamRoute()}
    SSEObserveMiddleware(until_left, routes=routes, metrics=metrics)
    assert not tcp_series(metrics)

    SSEObserveMiddleware(until_left, routes=routes, metrics=metrics, tcp_info=True)
    assert tcp_series(metrics) == {SENT, AGAIN, RTTS, UNSENT}


def tcp_series(metrics):
    found = {s.name for f in metrics.registry.collect() for s in f.samples}
    return found & {SENT, AGAIN, RTTS, UNSENT}


def test_other_systems_say_so_once_and_export_nothing(metrics, monkeypatch, caplog, line) -> None:
    """tcp_info=True does no harm on a developer's laptop."""
    monkeypatch.setattr("sys.platform", "darwin")
    observed = SSEObserveMiddleware(
        until_left, routes={"/s": StreamRoute()}, metrics=metrics, tcp_info=True
    )
    monkeypatch.undo()

    async def live():
        async with Life(observed, line.scope(), line):
            StreamTracker.of(metrics).tick()

    asyncio.run(live())

    assert not tcp_series(metrics)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.slow
def test_the_package_loads_where_the_names_of_linux_are_missing() -> None:
    """Importing the middleware needs nothing of Linux."""
    code = (
        "import socket\n"
        "for name in ('TCP_INFO', 'AF_NETLINK', 'MSG_DONTWAIT'):\n"
        "    delattr(socket, name)\n"
        "from sse_observe import SSEObserveMiddleware\n"
        "import sys; sys.platform = 'darwin'\n"
        "SSEObserveMiddleware(print, tcp_info=True)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_a_stream_without_tcp_is_left_alone(metrics, observed, tracker, caplog) -> None:
    """Behind a Unix socket there is nothing to read: one line, no fault."""
    ours, theirs = socket.socketpair()
    pipe = Line()
    pipe.socket.close()
    pipe.socket = ours

    async def live():
        for _ in range(3):
            scope = http_scope(client=("", 0), server=("/run/app.sock", None))
            async with Life(observed, scope, pipe):
                tracker.tick()
            async with Life(observed, scope):
                tracker.tick()

    asyncio.run(live())
    theirs.close()
    pipe.close()

    assert value(metrics, SENT) == value(metrics, FAULTS) == 0
    assert len(caplog.records) == 1
    assert "unwatched" in caplog.text


@pytest.mark.parametrize(
    "broken",
    [
        (sockets, "descriptor_under"),
        (sockets, "Watched"),
        (sockets.Watched, "charge"),
        (Sockets, "_read"),
        (Sockets, "_drop"),
        (Sockets, "_explain"),
        (probe, "_ask"),
        (probe, "facts"),
    ],
    ids=lambda broken: broken[1],
)
def test_our_faults_are_counted_and_never_the_streams(
    observed, tracker, line, monkeypatch, broken
) -> None:
    """Whatever fails in here, the application and the tick see nothing of it."""

    def fail(*_):
        raise RuntimeError("on purpose")

    place, name = broken

    async def live():
        async with Life(observed, line.scope(), line if name != "_explain" else None):
            line.say(2)
            tracker.tick()
            line.socket.close()
            tracker.tick()

    if name == "_explain":
        line.scope = lambda: http_scope(client=None)
    monkeypatch.setattr(place, name, fail)
    asyncio.run(live())
    monkeypatch.undo()

    counted = set(samples(tracker.metrics, FAULTS))
    assert counted == {FAULTS + "{where=tcp}"}
    assert value(tracker.metrics, "sse_streams_closed_total", reason="completed") == 1
    assert value(tracker.metrics, "sse_concurrent_streams") == 0
