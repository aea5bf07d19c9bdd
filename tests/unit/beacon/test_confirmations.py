"""Streams whose clients have stopped reporting: found by silence, and only where it is one."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, UnconfirmedStream, current_stream
from sse_observe.beacon import Limits, beacon_app
from sse_observe.beacon.accounts import MOST_ACCOUNTS, SharedAccounts
from sse_observe.beacon.tokens import Tokens
from sse_observe.middleware.tracker import StreamTracker
from sse_observe.registry.receipt import Receipt
from tests.support.asgi import END, Exchange, body, http_scope, start
from tests.support.clock import Clock
from tests.support.reporting import SECRET, asked, results, scope_of, value
from tests.support.virtual import run

LOOK = 15
LIMITS = Limits(token=(1e6, 1e6), address=(1e6, 1e6), everyone=(1e6, 1e6))


class Service:
    """An application whose streams stay open, its beacon, and a clock turned by hand."""

    def __init__(self, metrics: SSEMetrics, clock: Clock, **options: Any) -> None:
        self.metrics = metrics
        self.clock = clock
        self.beacon = beacon_app(
            metrics,
            **{"secret": SECRET, "limits": LIMITS, "clock": clock, **options},
        )
        self.app = SSEObserveMiddleware(self.answer, metrics=metrics, log_ends=False, clock=clock)
        self.tokens: list[str] = []
        self.over = asyncio.Event()
        self.tasks: list[asyncio.Task[Any]] = []

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Send a hello, then a heartbeat now and then until all is over."""
        await send(start())
        hello = current_stream().hello()
        self.tokens.append(json.loads(hello.split(b"data: ")[1].split(b"\n")[0])["report_token"])
        await send(body(hello))
        while not self.over.is_set():
            await asyncio.sleep(10)
            await send(body(b": beat\n\n"))
        await send(END)

    async def open(self, path: str = "/s", client: str = "127.0.0.1") -> str:
        """Open one stream; return its token."""
        exchange = Exchange(self.app, http_scope(path, client=(client, 50000)))
        self.tasks.append(asyncio.create_task(exchange.run()))
        await asyncio.sleep(0)
        return self.tokens[-1]

    async def report(self, token: str, n: int = 1, client: str = "9.9.9.9", **more: Any) -> int:
        """Report under a token; return the status."""
        text = json.dumps({"token": token, "n": n, **more}).encode()
        return (await asked(self.beacon, scope_of(client=(client, 1)), text)).status

    async def wait(self, seconds: int) -> float:
        """Let time pass, with a tick at each look; return how many are unconfirmed then."""
        for _ in range(seconds // LOOK):
            self.clock.tick(LOOK)
            StreamTracker.of(self.metrics).tick()
            # What was handed to the loop.
            for _ in range(5):
                await asyncio.sleep(0)
        return self.unconfirmed()

    def unconfirmed(self, route: str = "other") -> float:
        """Return how many streams of a route are unconfirmed."""
        return value(self.metrics, "sse_unconfirmed_streams", route=route) or 0.0

    async def end(self) -> None:
        """End every stream in order."""
        self.over.set()
        await asyncio.gather(*self.tasks, return_exceptions=True)


Make = Callable[..., Service]


@pytest.fixture
def make(clock: Clock) -> Make:
    def one(**options: Any) -> Service:
        return Service(SSEMetrics(CollectorRegistry()), clock, **options)

    return one


def test_three_intervals_without_a_report_make_a_stream_unconfirmed(make: Make) -> None:
    """One that still reports is none; one that reports again, or ends, is none any more."""
    found = []

    async def main() -> None:
        service = make()
        alive, silent = await service.open(), await service.open()
        for token in (alive, silent):
            await service.report(token)
        for n in range(2, 7):
            found.append(await service.wait(60))
            await service.report(alive, n)
        found.append(await service.wait(0))
        await service.report(silent, 2)
        found.append(await service.wait(LOOK))
        found.append(await service.wait(240))
        await service.end()
        found.append(service.unconfirmed())

    run(main())
    #         1 m  2 m  3 m  then 4 m, 5 m
    assert found == [0, 0, 0, 1, 1, 1, 0, 2, 0]


def test_a_client_that_never_reported_is_not_missed(make: Make) -> None:
    """It may be any client: curl, an SDK, a browser's own EventSource."""

    async def main() -> float:
        service = make()
        await service.open()
        found = await service.wait(900)
        await service.end()
        return found

    assert run(main()) == 0


def test_a_client_that_went_on_to_another_connection_has_left_the_first(make: Make) -> None:
    """It says so before it ever reported on the first: a proxy may hold that open for ever."""

    async def main() -> tuple[float, float]:
        service = make()
        first, second = await service.open(), await service.open()
        await service.report(second, earlier=[first])
        for n in range(2, 6):
            before = await service.wait(45)
            await service.report(second, n)
        after = await service.wait(LOOK)
        await service.end()
        return before, after

    assert run(main()) == (0, 1)


def test_a_client_that_has_lost_its_connection_confirms_nothing(make: Make) -> None:
    """It reports how often it tries again, under the token of a stream that a proxy holds open."""
    found = []

    async def main() -> None:
        service = make()
        token = await service.open()
        await service.report(token, shown={"live": 1})
        for n in range(2, 6):
            found.append(await service.wait(60))
            await service.report(token, n, shown={"reconnecting": 3})
        # The server said no hello: under the old token it has a connection again.
        await service.report(token, 6, shown={"reconnecting": 1, "live": 1})
        found.append(await service.wait(LOOK))
        await service.end()

    run(main())
    assert found == [0, 0, 0, 1, 0]


def test_a_report_that_cannot_be_true_confirms_all_the_same(make: Make) -> None:
    """Its client counts wrongly, and is there. The same one twice does not."""
    found = []

    async def main() -> None:
        service = make()
        token = await service.open()
        assert await service.report(token) == 204
        for n in (2, 3, 4, 5):
            found.append(await service.wait(120))
            assert await service.report(token, n, events=1000) == 400
        for _ in range(2):
            found.append(await service.wait(120))
            assert await service.report(token, 5, events=1000) == 204
        await service.end()

    run(main())
    assert found == [0, 0, 0, 0, 0, 1]


def test_the_application_hears_of_each_stream_once_and_may_end_it(make: Make) -> None:
    """Its next send raises, and the stream is counted as one whose client has left."""
    heard: list[tuple[str, str]] = []

    def end(stream: UnconfirmedStream) -> None:
        heard.append((stream.route, stream.scope["path"]))
        stream.disconnect()
        stream.disconnect()

    async def main() -> list[Any]:
        service = make(on_unconfirmed=end)
        token = await service.open("/dead")
        alive = await service.open("/alive")
        for n in range(1, 8):
            await service.report(alive, n)
            if n == 1:
                await service.report(token)
            await service.wait(60)
        assert service.unconfirmed() == 0
        labels = {"route": "other", "user_segment": "all", "network_type": "unknown"}
        closed = {
            reason: value(service.metrics, "sse_streams_closed_total", reason=reason, **labels)
            for reason in ("client_disconnected", "completed")
        }
        assert value(service.metrics, "sse_orphaned_streams", route="other") == 1
        dead = await asyncio.gather(service.tasks[0], return_exceptions=True)
        StreamTracker.of(service.metrics).tick()
        assert value(service.metrics, "sse_orphaned_streams", route="other") == 0
        await service.end()
        return [closed["client_disconnected"], type(dead[0])]

    assert run(main()) == [1, ConnectionResetError]
    assert heard == [("other", "/dead")]


def test_a_stream_that_falls_silent_again_is_not_said_again(make: Make) -> None:
    """A tab that its browser freezes and thaws counts each time, and is told of once."""
    heard: list[UnconfirmedStream] = []

    async def main() -> list[float]:
        service = make(on_unconfirmed=heard.append)
        token = await service.open()
        found = []
        for n in (1, 2):
            await service.report(token, n)
            found += [await service.wait(LOOK), await service.wait(240)]
        await service.end()
        return found

    assert run(main()) == [0, 1, 0, 1]
    assert len(heard) == 1


def test_an_error_of_the_applications_function_hurts_nobody(make: Make) -> None:
    """It is counted, the stream goes on, and the others are told."""
    heard = []

    def fail(stream: UnconfirmedStream) -> None:
        heard.append(stream)
        raise RuntimeError

    async def main() -> tuple[float, float | None, list[bool]]:
        service = make(on_unconfirmed=fail)
        for token in [await service.open() for _ in range(25)]:
            await service.report(token)
        found = await service.wait(240)
        faults = value(service.metrics, "sse_observer_faults_total", where="beacon")
        done = [task.done() for task in service.tasks]
        await service.end()
        return found, faults, done

    assert run(main()) == (25, 25, [False] * 25)
    assert len(heard) == 25


def test_silence_is_none_while_reports_are_refused(make: Make) -> None:
    """Whoever floods the beacon makes nobody's stream look dead; other addresses are heard."""
    found = []

    async def main() -> None:
        limits = Limits(address=(0.001, 3), everyone=(1e6, 1e6))
        service = make(limits=limits)
        for client in ("1.1.1.1", "2.2.2.2"):
            token = await service.open(client=client)
            await service.report(token, client=client)
        for _ in range(6):
            assert 429 in [await service.report(token, client="1.1.1.1") for _ in range(4)]
            found.append(await service.wait(60))
        found.append(await service.wait(240))
        await service.end()

    run(main())
    assert found == [0, 0, 0, 1, 1, 1, 2]


def test_silence_is_none_while_nobody_is_heard(make: Make) -> None:
    """The limit of all together refuses everyone."""

    async def main() -> list[float]:
        service = make(limits=Limits(address=(1e6, 1e6), everyone=(0.001, 1)))
        await service.report(await service.open())
        found = []
        for n in range(6):
            assert await service.report("x", client=f"1.1.1.{n}") == 429
            found.append(await service.wait(60))
        await service.end()
        return found

    assert run(main()) == [0] * 6


def test_a_process_that_stood_still_has_heard_nobody(make: Make) -> None:
    """Its reports wait behind the tick, which comes first."""

    async def main() -> list[float]:
        service = make()
        token = await service.open()
        await service.report(token)
        await service.wait(LOOK)
        service.clock.tick(600)
        found = [await service.wait(LOOK)]
        await service.report(token, 2)
        found.append(await service.wait(LOOK))
        await service.end()
        return found

    assert run(main()) == [0, 0]


def test_workers_hear_what_came_to_another_of_them(tmp_path: Path, make: Make) -> None:
    """Where they share a directory, a report may come to any."""
    found = []

    async def main() -> None:
        one, other = make(), make()
        for service in (one, other):
            shared = SharedAccounts(tmp_path / "tokens")
            service.beacon._judge._accounts = shared  # type: ignore[attr-defined]
            service.beacon._judge._confirmations._accounts = shared  # type: ignore[attr-defined]
        token = await one.open()
        for n in range(1, 7):
            assert await other.report(token, n) == 204
            found.append(await one.wait(60))
        found.append(await one.wait(240))
        await one.end()
        await other.end()

    run(main())
    assert found == [0] * 6 + [1]


def test_without_a_store_a_host_that_hears_of_others_accuses_nobody(make: Make) -> None:
    """Half of the reports go to the other host, and a stream's own may be among them."""
    found = []

    async def main() -> None:
        now = [1_800_000_000.0]
        hosts = [make(unix_time=lambda: now[0]) for _ in range(2)]
        now[0] += 1
        tokens = [await host.open() for host in hosts]
        for n in range(1, 30):
            for token, host in zip(tokens, hosts, strict=True):
                # The first comes home, then all go to the other.
                await (host if n == 1 else hosts[host is hosts[0]]).report(token, n)
            for _ in range(60 // LOOK):
                StreamTracker.of(hosts[1].metrics).tick()
                found.append(await hosts[0].wait(LOOK) + hosts[1].unconfirmed())
        for host in hosts:
            await host.end()

    run(main())
    assert set(found) == {0}


@pytest.mark.parametrize(("first", "foreign", "found"), [(10, 0, 10), (1, 10, 0), (1, 1, 10)])
def test_numbers_that_are_missing_and_tokens_of_others_are_evidence(
    make: Make, first: int, foreign: int, found: int
) -> None:
    """A client's tenth report may be its first under a token; another secret is somebody's."""

    async def main() -> float:
        service = make()
        for token in [await service.open() for _ in range(10)]:
            await service.report(token, first)
        other = Tokens("another secret of ours")
        for _ in range(foreign):
            assert await service.report(other.issue("/s", "all", "4g")) == 403
        unconfirmed = await service.wait(240)
        await service.end()
        return unconfirmed

    assert run(main()) == found


class Fleet:
    """A memory that hosts share; `error` is raised instead of an answer."""

    def __init__(self) -> None:
        self.highest: dict[str, int] = {}
        self.error: Exception | None = None

    async def is_new_report(
        self, reporter: str, n: int, *, ends: bool, keep_seconds: float
    ) -> bool:
        """Remember the highest."""
        self.highest[reporter] = max(n, self.highest.get(reporter, 0))
        return True

    async def last_report(self, reporter: str) -> int:
        """Return the highest."""
        if self.error is not None:
            raise self.error
        return self.highest.get(reporter, 0)


def test_hosts_with_a_store_hear_what_came_to_another(make: Make) -> None:
    """Before a stream is unconfirmed, the store is asked."""
    fleet = Fleet()
    found = []

    async def main() -> None:
        one, other = make(store=fleet), make(store=fleet)
        token = await one.open()
        await one.report(token)
        for n in range(2, 8):
            await other.report(token, n)
            found.append(await one.wait(120))
        found.append(await one.wait(360))
        # It had lost its network, not its stream.
        await other.report(token, 8)
        found.append(await one.wait(2 * LOOK))
        await one.end()
        await other.end()

    run(main())
    assert found == [0] * 6 + [1, 0]


@pytest.mark.parametrize("error", [TimeoutError(), RuntimeError("a store of somebody's")])
def test_a_store_that_cannot_be_asked_accuses_nobody(make: Make, error: Exception) -> None:
    """Nobody knows then what the others have heard."""
    fleet = Fleet()
    fleet.error = error

    async def main() -> tuple[float, bool]:
        service = make(store=fleet)
        await service.report(await service.open())
        found = await service.wait(600)
        await service.end()
        return found, bool(value(service.metrics, "sse_observer_faults_total", where="beacon"))

    # Somebody's own store may break; one that is away is nobody's error.
    assert run(main()) == (0, isinstance(error, RuntimeError))


def test_what_is_watched_is_bounded_and_let_go(make: Make) -> None:
    """Streams that never opened, and those that ended, are forgotten at the next look."""

    async def main() -> tuple[int, int]:
        service = make()
        confirmations = service.beacon._judge._confirmations
        for _ in range(3):
            await service.open()
        full = len(confirmations)
        await service.end()
        await service.wait(LOOK)
        ended = len(confirmations)
        for n in range(MOST_ACCOUNTS + 10):
            confirmations.watch(str(n), Receipt())
        assert len(confirmations) == MOST_ACCOUNTS
        # In slices: the loop runs in between.
        service.clock.tick(LOOK)
        StreamTracker.of(service.metrics).tick()
        await asyncio.sleep(0)
        assert MOST_ACCOUNTS - 100 < len(confirmations) < MOST_ACCOUNTS
        for _ in range(MOST_ACCOUNTS // 50):
            await asyncio.sleep(0)
        assert len(confirmations) == 0
        return full, ended

    assert run(main()) == (3, 0)


def test_who_learns_that_reports_wander_takes_back_what_it_said(make: Make) -> None:
    """The second host was started after the first, and its reports come here now."""

    async def main() -> list[float]:
        now = [1_800_000_000.0]
        one, other = (make(unix_time=lambda: now[0]) for _ in range(2))
        now[0] += 1
        await one.report(await one.open())
        found = [await one.wait(240)]
        await one.report(await other.open())
        found.append(await one.wait(LOOK))
        await one.end()
        await other.end()
        return found

    assert run(main()) == [1, 0]


def test_a_stranger_confirms_nobody(make: Make) -> None:
    """Without the token of this very stream a report is refused, and changes nothing."""

    async def main() -> tuple[float, dict[str, float]]:
        service = make()
        for token in [await service.open() for _ in range(20)]:
            await service.report(token)
        await service.wait(120)
        await service.report("guessed.token", 2)
        found = await service.wait(120)
        await service.end()
        return found, results(service.metrics)

    assert run(main()) == (20, {"accepted": 20, "bad_token": 1})
