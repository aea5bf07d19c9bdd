"""What the kernel knows of the socket under a stream, and of no other socket."""

import asyncio
import logging
import os
import socket
import struct
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families as parse

from sse_observe import SSEObserveMiddleware, StreamRoute
from sse_observe.lab.programs.process import free_port
from sse_observe.middleware.route_counts import RouteCounts
from sse_observe.middleware.tcp import Sockets, probe, sockets
from sse_observe.middleware.tracker import StreamTracker
from tests.support.asgi import END, http_scope, samples, start, value
from tests.support.paths import ROOT
from tests.support.programs import absent, needs
from tests.support.servers import RawClient
from tests.support.tcp_pair import Cycle, Line

BIN = Path(sys.executable).parent
SENT = "sse_tcp_sent_segments_total"
AGAIN = "sse_tcp_retransmitted_segments_total"
RTTS = "sse_tcp_rtt_seconds_count"
UNSENT = "sse_tcp_unsent_bytes"
FAULTS = "sse_observer_faults_total"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


async def until_left(scope, receive, send):
    await send(start())
    await scope["leave"].wait()
    await send(END)


class Life:
    """One stream over a line, from its response start until the block ends."""

    def __init__(self, observed, scope, transport=None):
        self._observed = observed
        self._scope = {**scope, "leave": asyncio.Event()}
        self._cycle = Cycle(transport)

    async def __aenter__(self):
        opened = asyncio.Event()

        async def send(message):
            opened.set()

        self._task = asyncio.create_task(self._observed(self._scope, self._cycle.receive, send))
        await opened.wait()
        return self

    async def __aexit__(self, *_):
        self._scope["leave"].set()
        await self._task


@pytest.fixture
def line():
    made = Line()
    yield made
    made.close()


@pytest.fixture
def observed(metrics):
    routes = {"/s": StreamRoute(), "/t": StreamRoute()}
    return SSEObserveMiddleware(until_left, routes=routes, metrics=metrics, tcp_info=True)


@pytest.fixture
def tracker(metrics):
    return StreamTracker.of(metrics)


def info(*, state=1, received_ms=0, rtt=0, again=0, unsent=0, sent=0, size=280):
    """Pack a tcp_info by the kernel's whole layout, which ours is a part of."""
    words = [0] * 24
    words[11], words[15], words[23] = received_ms, rtt, again
    tail = [0, 0, unsent, 0, 0, sent]
    packed = struct.pack("=8B24I4Q6I", state, *[0] * 7, *words, *[0] * 4, *tail)
    return packed.ljust(280, b"\xff")[:size]


def descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class Scripted:
    """A probe that answers what it is told."""

    def __init__(self, fd):
        self.cookie = bytes([fd % 256]) * 8
        self.told = {}

    def read(self):
        if "error" in self.told:
            raise self.told["error"]
        return probe.facts(info(**self.told))


@pytest.fixture
def scripted(monkeypatch):
    """Replace the way to a socket; the probes that were made are in the list."""
    made = []

    def find(fd):
        made.append(Scripted(len(made)))
        return made[-1], made[-1].read()

    monkeypatch.setattr(sockets.Descriptor, "find", find)
    return made


def test_a_tcp_info_of_any_kernel_is_read() -> None:
    """A newer kernel's answer is longer, an older one's shorter: what is missing is 0."""
    told = {"state": 8, "received_ms": 7, "rtt": 1234, "again": 5, "unsent": 99, "sent": 40}

    assert probe.facts(info(**told)[: probe._INFO.size]) == (8, 7, 1234, 5, 99, 40)
    assert probe.facts(info(**told, size=104)) == (8, 7, 1234, 5, 0, 0)
    assert probe.facts(b"") == (0,) * 6


def test_segments_count_from_the_opening_to_the_end(metrics, observed, tracker, line) -> None:
    """What the connection carried before the stream is not the stream's."""

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
            patch.setattr(Scripted, "told", {"sent": 2**32 - 1, "again": 2**32 - 2}, raising=False)
            patch.setattr(Scripted, "__init__", lambda self, _: setattr(self, "cookie", b"c"))
            async with Life(observed, line.scope(), line):
                scripted[0].told = {"sent": 9, "again": 1}
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
            scripted[0].told = {"unsent": 5000}
            scripted[1].told = {"unsent": 300}
            async with Life(observed, line.scope(), line):
                scripted[2].told = {"unsent": 70}
                tracker.tick()
                shown.append(
                    (value(metrics, UNSENT, route="/s"), value(metrics, UNSENT, route="/t"))
                )
            scripted[0].told = {"unsent": 4000}
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
            one.told = {"unsent": 900}
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
    """Without the switch there is no series; with it all are born at 0."""
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
        "SSEObserveMiddleware(None, tcp_info=True)\n"
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


# Finding a socket by its two ends.


def ends(here, there, port_here, port_there):
    return (
        struct.pack("!HH", port_here, port_there) + here.ljust(16, b"\0") + there.ljust(16, b"\0")
    )


V4 = ends(b"\x7f\0\0\1", b"\x0a\0\0\7", 8000, 5123)
V6 = ends(bytes(15) + b"\1", b"\x20\1\x0d\xb8" + bytes(11) + b"\7", 8000, 5123)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"client": ("10.0.0.7", 5123)}, V4),
        ({"client": ("10.0.0.7", "5123"), "server": ("127.0.0.1", "8000")}, V4),
        ({"client": ("::ffff:10.0.0.7", 5123), "server": ("::FFFF:127.0.0.1", 8000)}, V4),
        ({"client": ("2001:db8::7", 5123), "server": ("::1", 8000)}, V6),
        ({"client": ("10.0.0.7", 5123), "headers": {"host": "10.0.0.7"}}, V4),
        ({"client": ("10.0.0.7", 5123), "headers": {"x-forwarded-for": "10.9.9.9"}}, V4),
        ({"client": ("10.0.0.7", 5123), "headers": {"x-forwarded-for": "1.2.3.4, 10.0.0.7"}}, None),
        ({"client": ("10.0.0.7", 5123), "headers": {"forwarded": 'for="10.0.0.7:5123"'}}, None),
        ({"client": ("2001:db8::7", 5123), "headers": {"x-real-ip": "2001:DB8::7"}}, None),
        ({"client": ("10.0.0.7", 0)}, None),
        ({"client": None}, None),
        ({"server": None}, None),
        ({"client": ("10.0.0.7", 5123), "server": ("::1", 8000)}, None),
        ({"client": ("testclient", 50000), "server": ("testserver", 80)}, None),
        ({"client": ("10.0.0.7", 5123), "http_version": "3"}, None),
    ],
)
def test_only_ends_that_are_the_connections_own_are_asked_for(scope, expected) -> None:
    """A client that a header names is not the other end of this connection."""
    found = probe.ends_of(http_scope(**scope))

    assert (found and found[1]) == expected


def test_a_server_on_every_address_is_asked_for_by_the_one_that_faces_the_client() -> None:
    """Some servers (granian) tell where they listen, not where they were reached."""
    scope = http_scope(client=("127.0.0.1", 5), server=("0.0.0.0", 6))

    assert probe.ends_of(scope) == (socket.AF_INET, ends(b"\x7f\0\0\1", b"\x7f\0\0\1", 6, 5))


def test_a_socket_is_found_by_its_ends(metrics, observed, tracker, line) -> None:
    """Where a server hides its transport, the kernel is asked, and counts the same."""

    async def live():
        async with Life(observed, line.scope()):
            line.say(3)
            tracker.tick()
            line.say(2)

    asyncio.run(live())

    assert value(metrics, SENT, route="/s") == 5
    assert value(metrics, RTTS) == 2


def test_whoever_is_not_connected_is_not_found(
    metrics, observed, tracker, line, monkeypatch
) -> None:
    """A listener answers for strangers, and an old connection for a forged name: neither counts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stranger = http_scope(client=("127.0.0.1", 1), server=listener.getsockname())
        line.say()
        line.client.send(b"request")
        time.sleep(0.05)
        monkeypatch.setattr(probe, "_REQUEST_AGE_MS", 10)

        async def live():
            async with Life(observed, stranger), Life(observed, line.scope()):
                line.say(5)
                tracker.tick()

        asyncio.run(live())

    assert samples(metrics, "sse_tcp") == {}
    assert value(metrics, FAULTS) == 0


def test_one_address_for_two_http_1_streams_is_a_lie(metrics, observed, tracker, line) -> None:
    """HTTP/1 answers one request at a time, so the second one gets no socket."""

    async def live():
        async with Life(observed, line.scope("/s")), Life(observed, line.scope("/t")):
            line.say(4)

    asyncio.run(live())

    assert (value(metrics, SENT, route="/s"), value(metrics, SENT, route="/t")) == (4, 0)


# Real servers.

UVICORN = ("uvicorn", "--log-level", "critical", "--host", "127.0.0.1", "--port", "{port}")
APP = "tests.apps.tcp_app"
SERVERS = {
    "uvicorn-h11": (*UVICORN, "--http", "h11", "--loop", "asyncio", f"{APP}:app"),
    "uvicorn-httptools": (
        *UVICORN,
        "--http",
        "httptools",
        "--loop",
        "uvloop",
        f"{APP}:app",
    ),
    "uvicorn-hidden": (*UVICORN, f"{APP}:hidden"),
    "hypercorn": (
        "hypercorn",
        "--log-level",
        "critical",
        "-b",
        "127.0.0.1:{port}",
        f"{APP}:app",
    ),
    "granian": (
        *("granian", "--interface", "asgi", "--no-log", "--host", "0.0.0.0"),
        *("--workers-kill-timeout", "1", "--port", "{port}", f"{APP}:app"),
    ),
}


@contextmanager
def served(command, *, port=None, before=(), ready=None):
    """Run one server; give its URL."""
    port = port or free_port()
    program, *options = command
    process = subprocess.Popen(
        [*before, BIN / program, *(option.format(port=port) for option in options)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 20
        while True:
            assert process.poll() is None, f"{command[0]} did not start"
            assert time.monotonic() < deadline, f"{command[0]} does not answer"
            with suppress(requests.ConnectionError, subprocess.CalledProcessError):
                (ready or scrape)(url)
                break
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def scrape(url, text=None):
    """Return the kernel families by name and route, and our faults."""
    found = {}
    for family in parse(text or requests.get(f"{url}/metrics", timeout=5).text):
        for sample in family.samples:
            if sample.name in (SENT, AGAIN, RTTS, UNSENT, FAULTS):
                key = (sample.name, sample.labels.get("route", ""))
                found[key] = found.get(key, 0) + sample.value
    return found


def settled(url, claim, seconds=4):
    """Scrape until the claim holds; return the last scrape."""
    deadline = time.monotonic() + seconds
    while True:
        found = scrape(url)
        if claim(found) or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def received(client):
    """Return how many data segments the kernel at this end has received."""
    return struct.unpack_from(
        "=I", client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 512), 152
    )[0]


@pytest.mark.slow
@pytest.mark.parametrize("server", SERVERS)
def test_segments_are_those_the_client_received(server) -> None:
    """Sent as the server's kernel counts them is what the client's kernel counts, but the last."""
    with served(SERVERS[server]) as url:
        with RawClient(f"{url}/s?events=60&every=0.02") as client:
            client.until_end()
            truth = received(client.socket)
        found = settled(url, lambda found: found[RTTS, "/s"] >= 2)

    # The head comes before the opening or just after, the end's own chunk may come after it.
    assert truth - 2 <= found[SENT, "/s"] <= truth
    assert truth >= 40
    # On a busy machine an acknowledgement may be late enough to ask twice.
    assert found[AGAIN, "/s"] <= 3
    assert found[RTTS, "/s"] >= 2
    assert found[UNSENT, "/s"] == found[FAULTS, ""] == 0


@pytest.mark.slow
@pytest.mark.parametrize("server", ["hypercorn", "granian"])
def test_http_2_streams_share_their_segments(server) -> None:
    """Four streams over one connection are not four times its segments."""
    with served(SERVERS[server]) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 10) as client:
            two = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
            two.initiate_connection()
            for number in (1, 3, 5, 7):
                headers = {
                    ":method": "GET",
                    ":path": "/s?events=60&every=0.02",
                    ":scheme": "http",
                    ":authority": f"{host}:{port}",
                }
                two.send_headers(number, list(headers.items()), end_stream=True)
            open_streams = 4
            while open_streams:
                client.sendall(two.data_to_send())
                for event in two.receive_data(client.recv(65536)):
                    open_streams -= isinstance(event, h2.events.StreamEnded)
                    if isinstance(event, h2.events.DataReceived):
                        two.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            truth = received(client)
            found = settled(url, lambda found: found[SENT, "/s"] >= truth * 0.8)

    assert truth * 0.8 <= found[SENT, "/s"] <= truth
    assert found[FAULTS, ""] == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["app", "hidden"])
def test_a_forged_forwarding_header_joins_no_other_socket(name) -> None:
    """The live connection that the header names is charged to nobody."""
    command = (
        *UVICORN,
        "--proxy-headers",
        "--forwarded-allow-ips",
        "*",
        f"{APP}:{name}",
    )
    with served(command) as url, closing(HTTPConnection(urlsplit(url).netloc)) as victim:

        def live():
            victim.request("GET", "/metrics")
            assert victim.getresponse().read()
            return victim.sock.getsockname()

        address = live()
        forged = {"X-Forwarded-For": "{}:{}".format(*address)}
        with RawClient(f"{url}/s?events=40&every=0.03", headers=forged) as client:
            for _ in range(50):
                assert live() == address
            client.until_end()
            truth = received(client.socket)
        found = settled(url, lambda found: found[RTTS, "/s"])

    if name == "app":
        assert truth - 2 <= found[SENT, "/s"] <= truth
    else:
        assert found[SENT, "/s"] == found[RTTS, "/s"] == 0
    assert found[FAULTS, ""] == 0


@pytest.mark.slow
@pytest.mark.parametrize("server", ["uvicorn-h11", "uvicorn-httptools", "hypercorn", "granian"])
def test_the_backlog_of_a_client_that_reads_nothing_is_seen(server) -> None:
    """It grows while the stream is open, and is gone with it."""
    with served(SERVERS[server]) as url:
        with RawClient(f"{url}/s?events=200&every=0.01&size=60000"):
            grown = settled(url, lambda found: found[UNSENT, "/s"] > 500_000, 8)
        gone = settled(url, lambda found: not found[UNSENT, "/s"], 8)

    assert grown[UNSENT, "/s"] > 500_000
    assert gone[UNSENT, "/s"] == 0


# Real loss.

LOSS = """
table inet lossy {
  chain receive {
    type filter hook input priority 0
    iifname "far" tcp sport %d numgen random mod 10 == 0 drop
  }
}
"""


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=10)


@pytest.fixture
def link():
    """Two network namespaces with a wire between them: (server's, client's)."""
    needs("ip")
    needs("nft")
    near, far = (f"sse-{os.getpid()}-{end}" for end in ("near", "far"))
    try:
        ip("netns", "add", near)
    except subprocess.CalledProcessError as error:
        reason = f"no network namespaces here: {error.stderr.decode().strip()}"
        absent(reason)
    try:
        ip("netns", "add", far)
        ip("link", "add", "near", "netns", near, "type", "veth", "peer", "far", "netns", far)
        for space, device, address in (
            (near, "near", "10.77.0.1/24"),
            (far, "far", "10.77.0.2/24"),
        ):
            ip("-n", space, "addr", "add", address, "dev", device)
            ip("-n", space, "link", "set", device, "up")
            ip("-n", space, "link", "set", "lo", "up")
        yield near, far
    finally:
        for space in (near, far):
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


def inside(space, code):
    """Run Python in a namespace; return what it prints."""
    command = ["ip", "netns", "exec", space, sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, timeout=60, text=True)
    return done.stdout


@pytest.mark.slow
def test_lost_segments_are_counted_as_sent_again(link) -> None:
    """A wire that loses a tenth shows about a tenth; the same wire before that, nothing."""
    near, far = link
    port = 8000

    def look(url):
        fetch = f"import urllib.request as u; print(u.urlopen('{url}/metrics').read().decode())"
        return scrape(url, inside(near, fetch))

    def read():
        inside(
            far,
            "import urllib.request as u\n"
            f"u.urlopen('http://10.77.0.1:{port}/s?events=400&every=0.005&size=1400').read()",
        )

    uvicorn = ["uvicorn", "--log-level", "critical", "--host", "0.0.0.0", "--port", "{port}"]
    before = ("ip", "netns", "exec", near)
    with served((*uvicorn, f"{APP}:app"), port=port, before=before, ready=look) as url:
        read()
        clean = look(url)
        subprocess.run(
            ["ip", "netns", "exec", far, "nft", "-f", "-"],
            input=LOSS % port,
            text=True,
            check=True,
            timeout=10,
        )
        read()
        lossy = look(url)

    assert clean[SENT, "/s"] >= 400
    assert clean[AGAIN, "/s"] <= 0.01 * clean[SENT, "/s"]
    sent = lossy[SENT, "/s"] - clean[SENT, "/s"]
    again = lossy[AGAIN, "/s"] - clean[AGAIN, "/s"]
    assert 0.04 * sent < again < 0.4 * sent
    assert lossy[FAULTS, ""] == 0
