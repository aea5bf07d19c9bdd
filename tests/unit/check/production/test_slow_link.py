"""A slow link on this machine alone: what passes is delayed, limited and cut as told."""

import asyncio
import time

from sse_observe.check.asking.connection import Dialing
from sse_observe.check.asking.exchange import Asking, ask
from sse_observe.check.asking.question import Question
from sse_observe.check.asking.recording import Recording
from sse_observe.check.asking.watch import Watch
from sse_observe.check.production.slow_link import Link, relay
from tests.support.raw_answers import HEAD, LAST, answering, chunk


def over(link: Link, *pieces: bytes) -> Recording:
    async def run(port: int, url: str) -> Recording:
        async with relay("127.0.0.1", port, link) as address:
            asking = Asking(dialing=Dialing(to=address))
            return await ask(Question(url=url), Watch(seconds=10), asking)

    with answering(HEAD, *pieces, LAST) as server:
        return asyncio.run(run(server.port, server.url))


def test_a_delay_counts_on_both_ways() -> None:
    """400 ms to and fro is 200 ms each way."""
    found = over(Link(delay=0.2), chunk(b"data: a\n\n"))

    assert found.end == "complete"
    assert found.phases["headers"] >= 0.4


def test_a_rate_is_kept() -> None:
    """20 KB over 20 KB a second take a second."""
    began = time.perf_counter()
    found = over(Link(rate=20_000), chunk(b"data: " + b"x" * 20_000 + b"\n\n"))

    assert len(found.log.events) == 1
    assert time.perf_counter() - began >= 0.9


def test_a_cut_comes_in_the_middle() -> None:
    """After so many bytes nothing more arrives, and the answer has no end."""
    many = [chunk(b"data: %d\n\n" % number) for number in range(100)]
    found = over(Link(cut_after=400), *many)

    assert found.end == "cut"
    assert 0 < len(found.log.events) < 100


def test_a_delay_costs_no_rate() -> None:
    """Packets on their way do not wait for one another: 28 KB take a second, not five."""
    began = time.perf_counter()
    found = over(Link(delay=0.2, rate=28_000), chunk(b"data: " + b"x" * 28_000 + b"\n\n"))

    assert len(found.log.events) == 1
    assert 1.2 <= time.perf_counter() - began < 3.5
