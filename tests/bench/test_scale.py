"""Many open streams on one worker: all receive, none is lost, and nobody pays for their number."""

import asyncio
import statistics
import time
from collections import Counter

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.apps.scale_app import ROUNDS, ROUTES
from tests.support.servers import serve_process

AT_ONCE = 500
MOST = 10_000


class Crowd:
    """So many clients of one server, each on a connection of its own."""

    def __init__(self, url, path="/r/%d"):
        self.path = path.encode()
        self.port = int(url.rsplit(":", 1)[1])
        self.clients = []

    async def come(self, number):
        """Open streams until there are so many."""
        while len(self.clients) < number:
            some = min(AT_ONCE, number - len(self.clients))
            self.clients += await asyncio.gather(*(self._open(k) for k in range(some)))

    async def _open(self, k):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=4096)
        writer.write(b"GET " + self.path % (k % ROUTES) + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        return reader, writer

    async def hear(self, number):
        """Return how many received the event of that round, and nothing before it."""
        wanted = b"id: %d\ndata: x\n\n" % number
        frame = b"%x\r\n%s\r\n" % (len(wanted), wanted)
        heard = await asyncio.gather(
            *(reader.readexactly(len(frame)) for reader, _ in self.clients)
        )
        return heard.count(frame)

    def leave(self):
        """Cut every connection at once."""
        for _, writer in self.clients:
            writer.transport.abort()
        self.clients.clear()


def totals(url):
    """Return what is open, opened and closed, over all routes."""
    found = Counter()
    for family in parse_text(requests.get(f"{url}/metrics", timeout=300).text):
        for sample in family.samples:
            found[sample.name] += sample.value
            found[sample.labels.get("reason")] += sample.value
    return found


def ask(url, what):
    """Return a measurement of the server's, or let it take the next step."""
    return requests.get(f"{url}/{what}", timeout=600).json()


async def observe(url, streams, scrapes):
    """Open, measure, stream, cut; return what was measured and counted."""
    crowd = Crowd(url)
    try:
        # Each route has had a stream, so that no series begins between the two measurements.
        for k in range(ROUTES):
            await asyncio.to_thread(requests.get, f"{url}/r/{k}?brief", timeout=30)
        await asyncio.sleep(1.5)
        without = await asyncio.to_thread(ask, url, f"measure/{scrapes}")
        began = time.monotonic()
        await crowd.come(streams)
        opened = time.monotonic() - began
        assert (await asyncio.to_thread(totals, url))["sse_concurrent_streams"] == streams
        await asyncio.to_thread(ask, url, "ticks")
        with_all = await asyncio.to_thread(ask, url, f"measure/{scrapes}")
        await asyncio.sleep(2.5)
        ticks = await asyncio.to_thread(ask, url, "ticks")
        for number in range(ROUNDS):
            await asyncio.to_thread(ask, url, f"round/{number}")
            assert await crowd.hear(number) == streams
        await asyncio.sleep(1.5)
        heard = await asyncio.to_thread(totals, url)
        began = time.monotonic()
    finally:
        crowd.leave()
    while (await asyncio.to_thread(totals, url))["sse_concurrent_streams"]:
        assert time.monotonic() - began < 30
        await asyncio.sleep(0.1)
    return without, with_all, ticks, heard, opened, time.monotonic() - began


async def leave_at_once(url, streams):
    """Let so many clients leave at once whose application never asks; return the tick's pieces."""
    crowd = Crowd(url, "/send-only/%d")
    try:
        await crowd.come(streams)
        await asyncio.to_thread(ask, url, "ticks")
    finally:
        crowd.leave()
    deadline = time.monotonic() + 60
    while (await asyncio.to_thread(totals, url))["sse_orphaned_streams"] < streams:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.5)
    return await asyncio.to_thread(ask, url, "ticks")


@pytest.mark.slow
@pytest.mark.parametrize(
    "streams", [1_000, pytest.param(MOST, marks=pytest.mark.prove)], ids="{:,}".format
)
def test_clients_that_leave_at_once_hold_nobody_up(streams):
    """The tick finds all of them, in pieces."""
    options = ("--backlog", "4096", "--no-access-log")
    with serve_process("tests.apps.scale_app:observed", "--factory", *options) as server:
        pieces = asyncio.run(leave_at_once(server.url, streams))

    worked = max(piece[0] for piece in pieces) * 1000
    print(f"\n{streams:,} leave at once: {len(pieces)} pieces, the longest {worked:.2f} ms of work")
    # As above: the neighbours of a test slow down what is printed.
    assert worked <= (5 if streams == MOST else 50)


@pytest.mark.slow
@pytest.mark.parametrize(
    "streams", [1_000, pytest.param(MOST, marks=pytest.mark.prove)], ids="{:,}".format
)
def test_streams_on_one_worker(streams):
    """Every event reaches every stream; gauge, tick, scrape and loop keep their limits."""
    options = ("--backlog", "4096", "--no-access-log")
    with serve_process("tests.apps.scale_app:observed", "--factory", *options) as server:
        url = server.url
        without, with_all, ticks, heard, opened, gone = asyncio.run(
            observe(url, streams, 9 if streams == MOST else 1)
        )
        after = totals(url)

    calls = with_all["calls"] - without["calls"]
    least = [min(found["took"]) * 1000 for found in (without, with_all)]
    both = [statistics.median(found["took"]) * 1000 for found in (without, with_all)]
    stop = statistics.median(with_all["stops"]) * 1000
    worked, stood = (max(piece[at] for piece in ticks) * 1000 for at in (0, 1))
    print(
        f"\n{streams:,} streams open in {opened:.1f} s, gone {gone:.1f} s after the cut"
        f"\n  scrape of {ROUTES} routes: {both[0]:.1f} ms with none open, {both[1]:.1f} ms with all"
        f" (processor time without the tick's, median of {len(with_all['took'])};"
        f" the least {least[0]:.1f} and {least[1]:.1f})"
        f"\n  calls of a scrape: {without['calls']:,}, {calls:+} with all"
        f"\n  longest stop of the loop in a scrape: {stop:.1f} ms of work (median)"
        f"\n  tick: {len(ticks)} pieces, the longest {worked:.2f} ms of work,"
        f" {stood:.2f} ms by the clock"
    )
    assert heard["sse_event_size_bytes_count"] == streams * ROUNDS
    assert after["sse_streams_opened_total"] == streams + ROUTES
    assert after["client_disconnected"] == streams
    assert after["completed"] == ROUTES
    assert after["sse_concurrent_streams"] == 0
    assert after["sse_orphaned_streams"] == 0
    assert after["sse_observer_faults_total"] == 0
    # A look at each stream would be a call for each. A scrape right after a tick writes down every
    # route besides, in some 13 calls each. Milliseconds are printed, not judged: two scrapes differ
    # by more than 5 of them wherever anybody else works.
    assert calls < streams
    if streams == MOST:
        assert worked <= 5
