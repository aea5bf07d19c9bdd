"""The judge of reports, with the streams of a real middleware: a word is worth one stream."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, current_stream
from sse_observe.beacon import Limits, beacon_app
from sse_observe.beacon.accounts import SharedAccounts
from sse_observe.middleware.tracker import StreamTracker
from tests.support.asgi import END, Exchange, body, http_scope, start
from tests.support.clock import Clock
from tests.support.reporting import SECRET, asked, results, scope_of
from tests.support.virtual import run

NO_LIMITS = Limits(token=(1e6, 1e6), address=(1e6, 1e6), everyone=(1e6, 1e6))


class Service:
    """An application with hello and five events, and its beacon."""

    def __init__(self, metrics: SSEMetrics) -> None:
        self.metrics = metrics
        self.beacon = beacon_app(metrics, secret=SECRET, limits=NO_LIMITS)
        self.app = SSEObserveMiddleware(self.answer, metrics=metrics, log_ends=False)
        self.tokens: list[str] = []
        self.wait: asyncio.Event | None = None
        self.waits = asyncio.Event()

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer with a hello and five numbered events."""
        await send(start())
        hello = current_stream().hello()
        self.tokens.append(json.loads(hello.split(b"data: ")[1].split(b"\n")[0])["report_token"])
        await send(body(hello))
        for n in range(5):
            await send(body(b"id: %d-e\ndata: x\n\n" % n))
        if self.wait is not None:
            self.waits.set()
            await self.wait.wait()
        await send(END)

    async def stream(self) -> str:
        """Read one stream to its end, and until the tick has seen the end; return its token."""
        await Exchange(self.app, http_scope("/s")).run()
        StreamTracker.of(self.metrics).tick()
        return self.tokens[-1]

    async def report(self, token: str, n: int = 1, **more: Any) -> int:
        """Report under a token; return the status."""
        text = json.dumps({"token": token, "n": n, **more}).encode()
        return (await asked(self.beacon, scope_of(), text)).status

    def outcomes(self) -> dict[str, float]:
        """Return which outcomes were counted."""
        for write in self.metrics.before_scrape:
            write()
        found = {}
        for family in self.metrics.registry.collect():
            for sample in family.samples:
                if sample.name == "sse_client_streams_total" and sample.value:
                    found[sample.labels["outcome"]] = sample.value
        return found


@pytest.fixture
def service(metrics: SSEMetrics) -> Service:
    return Service(metrics)


def test_more_than_was_sent_is_not_believed(service: Service) -> None:
    """A hello and five events: six can have been received, and not seven."""

    async def main() -> list[int]:
        token = await service.stream()
        return [await service.report(token, n, events=e) for n, e in ((1, 7), (2, 6), (3, 1))]

    assert run(main()) == [400, 204, 400]
    assert results(service.metrics) == {"accepted": 1, "implausible": 2}


def test_what_was_sent_this_moment_is_counted_first(service: Service) -> None:
    """A report may be here before the tick has counted the events."""

    async def main() -> int:
        service.wait = asyncio.Event()
        streaming = asyncio.create_task(service.stream())
        await service.waits.wait()
        status = await service.report(service.tokens[0], events=5)
        service.wait.set()
        await streaming
        return status

    assert run(main()) == 204


def test_nobody_cancels_what_was_delivered(service: Service) -> None:
    """Neither afterwards nor before: it would hide a stream that somebody else lost."""

    async def main() -> None:
        token = await service.stream()
        assert await service.report(token, outcome="cancelled") == 400
        service.wait = asyncio.Event()
        streaming = asyncio.create_task(service.stream())
        await service.waits.wait()
        assert await service.report(service.tokens[1], outcome="cancelled") == 204
        service.wait.set()
        await streaming

    run(main())
    assert service.outcomes() == {}
    assert results(service.metrics) == {"accepted": 1, "implausible": 2}


def test_a_user_who_leaves_has_cancelled(service: Service) -> None:
    """The word comes while the stream is open, and counts when the server sees the end."""

    async def main() -> None:
        service.wait = asyncio.Event()
        exchange = Exchange(service.app, http_scope("/s"))
        task = asyncio.create_task(exchange.run())
        await service.waits.wait()
        await service.report(service.tokens[0], outcome="cancelled")
        assert service.outcomes() == {}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(main())
    assert service.outcomes() == {"cancelled": 1}


def test_a_token_says_no_more_when_it_is_forgotten(service: Service) -> None:
    """Else a stranger could flush the accounts, and use one token again and again."""
    service.beacon._judge._accounts._most = 1  # type: ignore[attr-defined]

    async def main() -> list[int]:
        old = await service.stream()
        first = await service.report(old, outcome="completed")
        await service.stream()
        return [first, await service.report(old, 2, outcome="completed")]

    assert run(main()) == [204, 403]
    assert service.outcomes() == {"completed": 1}


def test_a_stream_has_one_token_however_often_it_says_hello(metrics: SSEMetrics) -> None:
    """Each further one would be worth another stream."""
    found = set()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        for _ in range(5):
            hello = current_stream().hello()
            found.add(json.loads(hello.split(b"data: ")[1].split(b"\n")[0])["report_token"])
            await send(body(hello))
        await send(END)

    beacon_app(metrics, secret=SECRET)
    observed = SSEObserveMiddleware(app, metrics=metrics, log_ends=False)
    run(Exchange(observed, http_scope("/s")).run())

    assert len(found) == 1


def test_workers_of_one_directory_count_a_report_once(tmp_path: Path) -> None:
    """Whichever of them is asked, and whichever has served the stream."""
    one = Service(SSEMetrics(CollectorRegistry()))
    other = Service(SSEMetrics(CollectorRegistry()))
    for service in (one, other):
        service.beacon._judge._accounts = SharedAccounts(tmp_path / "tokens")

    async def main() -> list[int]:
        token = await one.stream()
        return [
            await service.report(token, n, events=3, outcome="completed" if n == 1 else None)
            for n, service in ((1, other), (1, one), (1, other), (2, one), (3, other))
        ]

    assert run(main()) == [204, 204, 204, 204, 400]
    assert other.outcomes() == {"completed": 1}
    assert one.outcomes() == {}
    assert results(one.metrics) == {"replayed": 1, "accepted": 1}
    assert results(other.metrics) == {"accepted": 1, "replayed": 1, "implausible": 1}


def test_a_thousand_users_behind_one_address_are_not_refused(metrics: SSEMetrics) -> None:
    """A proxy that hides them is cut off: each of them reports, and reports again as he leaves."""
    clock = Clock()
    beacon = beacon_app(metrics, secret=SECRET, clock=clock)
    tokens = [beacon.issue("/s", "all", "4g") for _ in range(1000)]

    async def main() -> set[int]:
        found = set()
        for n, more in ((1, {"events": 3}), (2, {"outcome": "cancelled"})):
            for token in tokens:
                text = json.dumps({"token": token, "n": n, **more}).encode()
                found.add((await asked(beacon, scope_of(), text)).status)
        return found

    assert run(main()) == {204}


def test_a_clock_that_jumps_costs_no_stream_and_no_report(metrics: SSEMetrics) -> None:
    """A host that was asleep, or whose time was set: tokens of the future hold, old ones end."""
    unix = [1_800_000_000.0]
    beacon = beacon_app(metrics, secret=SECRET, unix_time=lambda: unix[0])
    token = beacon.issue("/s", "all", "4g")

    async def status(n: int) -> int:
        text = json.dumps({"token": token, "n": n}).encode()
        return (await asked(beacon, scope_of(), text)).status

    found = []
    for n, jump in enumerate((0.0, -1e9, 1e9, 1e9), 1):
        unix[0] += jump
        found.append(run(status(n)))

    assert found == [204, 204, 204, 403]


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 4000,
        b'{"a":' * 600,
        b'{"token":"x","n":1,"earlier":' + b"[" * 1500,
        gzip.compress(b'{"token":"x","n":1}'),
        '{"token":"x","n":1}'.encode("utf-16"),
        b'{"token":"\\ud800","n":1}',
        b'{"token":"x","n":1e400}',
    ],
    ids=["deep", "deeper", "deep tokens", "compressed", "UTF-16", "half a letter", "infinite"],
)
def test_strange_bodies_are_refused_as_they_are(metrics: SSEMetrics, text: bytes) -> None:
    """No error of ours comes out of them, and nothing is unpacked."""
    beacon = beacon_app(metrics, secret=SECRET)

    assert run(asked(beacon, scope_of(), text)).status == 400
    assert results(metrics) == {"bad_schema": 1}


def test_a_word_that_another_host_has_counted_waits_no_more(metrics: SSEMetrics) -> None:
    """A user leaves, and his report comes to two hosts: it is one stream that was cancelled."""

    class Fleet:
        async def is_new_report(
            self, reporter: str, n: int, *, ends: bool, keep_seconds: float
        ) -> bool:
            return False

    service = Service(metrics)
    service.beacon = beacon_app(metrics, secret=SECRET, limits=NO_LIMITS, store=Fleet())

    async def main() -> None:
        service.wait = asyncio.Event()
        task = asyncio.create_task(Exchange(service.app, http_scope("/s")).run())
        await service.waits.wait()
        assert await service.report(service.tokens[0], outcome="cancelled") == 204
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(main())
    assert service.outcomes() == {}
    assert results(metrics) == {"replayed": 1}
