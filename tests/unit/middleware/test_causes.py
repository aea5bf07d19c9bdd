"""Whose fault: one cause for each failed stream, and never one without evidence."""

import asyncio
from dataclasses import dataclass
from typing import Any
from weakref import ref

import pytest

from sse_observe import StreamRoute, current_stream
from sse_observe.middleware.causes import WAITS_SECONDS, Evidence, take_error
from sse_observe.middleware.stream import Stream
from sse_observe.middleware.tracker import StreamTracker
from tests.support.asgi import END, Exchange, body, drive, http_scope, start
from tests.support.upstreams import causes

AT = 10.0


@dataclass
class Consumed:
    """A consumed stream, as far as causes ask."""

    end: str | None
    opened_at: float = 1.0
    ended_at: float | None = 5.0
    error: Any = None
    waited: float | None = 0.1


def cause(*consumed: Consumed, raised: BaseException | None = None) -> str:
    """Return the cause of a stream that broke at AT."""
    stream = Stream()
    stream.evidence = Evidence()
    for one in consumed:
        stream.evidence.add(one)
    if raised is not None:
        take_error(stream, raised)
    return stream.evidence.cause(AT)


CUT = Consumed("cut")
BUG = KeyError("choices")


@pytest.mark.parametrize("end", ["error_event", "cut", "timeout", "empty", "unreachable"])
@pytest.mark.parametrize("raised", [None, BUG])
def test_an_upstream_that_failed_first_is_the_cause(end, raised) -> None:
    """Whatever the application made of it: an error of its own, or a word to its client."""
    assert cause(Consumed("completed", 0, 1), Consumed(end), raised=raised) == "upstream"


@pytest.mark.parametrize(
    ("consumed", "found"),
    [
        # After the end of the stream it explains nothing.
        ([Consumed("cut", ended_at=11.0)], "unknown"),
        # Our request was wrong.
        ([Consumed("refused_4xx")], "application"),
        ([Consumed("refused_429")], "upstream"),
        # A second attempt failed as well, or was still under way when the first had failed.
        ([Consumed("refused_5xx", 1, 2), Consumed("unreachable", 3, 4)], "upstream"),
        ([Consumed("cut"), Consumed(None, 6, None)], "unknown"),
        # At once: it may have done without the one that failed.
        ([Consumed("cut"), Consumed("completed", 1, 7)], "unknown"),
        ([Consumed("cut"), Consumed("abandoned", 1, 6)], "upstream"),
        # Made up for: what failed then was the application.
        ([Consumed("cut"), Consumed("completed", 6, 7)], "application"),
        ([Consumed("completed")], "application"),
        # Nobody can tell who was given up, or what was never observed.
        ([Consumed("abandoned")], "unknown"),
        ([Consumed(None, 1, None)], "unknown"),
        ([], "unknown"),
    ],
    ids=range(12),
)
def test_what_was_consumed_tells_or_does_not(consumed, found) -> None:
    """Without an error of the application, as where it sends an error event."""
    assert cause(*consumed) == found


def chained(error: Exception, earlier: BaseException) -> Exception:
    """Return an error that was raised from another one."""
    error.__cause__ = earlier
    return error


class ReadError(ConnectionError):
    """An error of a client."""


@pytest.mark.parametrize(
    ("raised", "found"),
    [
        (BUG, "application"),
        (ExceptionGroup("tasks", [BUG]), "application"),
        (FileNotFoundError(), "application"),
        (chained(KeyError(), ReadError()), "unknown"),
        (TimeoutError(), "unknown"),
        (ConnectionResetError(), "unknown"),
        (type("APIError", (Exception,), {"__module__": "openai._exceptions"})(), "unknown"),
        (asyncio.CancelledError(), "unknown"),
    ],
    ids=range(8),
)
def test_an_error_is_the_application_s_unless_it_may_be_somebody_else_s(raised, found) -> None:
    """A client's error, or a time limit, says that somebody was waited for."""
    assert cause(raised=raised) == found


def test_the_very_error_of_an_upstream_tells_among_several() -> None:
    """One of two at once failed, and the application raised just that."""

    class PeerClosedError(Exception):
        pass

    error = PeerClosedError()
    pair = (Consumed("cut", error=ref(error)), Consumed("completed", 1, 7))
    assert cause(*pair, raised=chained(RuntimeError(), error)) == "upstream"
    assert cause(*pair, raised=RuntimeError()) == "unknown"


@pytest.mark.parametrize(
    ("consumed", "found"),
    [
        ([Consumed("completed", waited=2.0)], "upstream"),
        ([Consumed("completed", waited=0.1), Consumed("completed", waited=3.0)], "upstream"),
        # Not yet any content, for as long as the limit.
        ([Consumed(None, 7.5, None, waited=None)], "upstream"),
        ([Consumed(None, 9.0, None, waited=None)], "unknown"),
        # Refused at once.
        ([Consumed("refused_429", 1.0, 1.1, waited=None)], "unknown"),
        ([Consumed("completed", waited=1.9)], "unknown"),
        ([], "unknown"),
    ],
    ids=range(7),
)
def test_a_wait_is_an_upstream_s_if_it_alone_took_so_long(consumed, found) -> None:
    """The rest of the application is nobody's knowledge."""
    evidence = Evidence()
    for one in consumed:
        evidence.add(one)

    assert evidence.cause_of_wait(2.0, AT) == found


def ended(observe, metrics, reason: str, **route: Any) -> dict[str, float]:
    """Return the causes after one stream whose application says how it ends."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        current_stream().end_reason(reason)
        for message in (start(), body(b"data: x\n\n"), END):
            await send(message)

    drive(observe(app, default=StreamRoute(**route)))
    return causes(metrics, "other")


@pytest.mark.parametrize(
    ("reason", "found"),
    [("shutdown", "deploy"), ("slow_consumer", "network"), ("cancelled", "user")],
)
def test_some_ends_are_their_own_evidence(observe, metrics, reason, found) -> None:
    """A shutdown, a reader that takes nothing, a user's stop."""
    assert ended(observe, metrics, reason) == {found: 1}


@pytest.mark.parametrize(("reason", "found"), [("shutdown", {}), ("slow_consumer", {"network": 1})])
def test_a_feed_has_no_end_to_reach(observe, metrics, reason, found) -> None:
    """Its clients and deploys are no failures; what breaks it is one."""
    assert ended(observe, metrics, reason, kind="continuous") == found


def test_a_whole_stream_has_no_cause(observe, metrics) -> None:
    """Only failed streams are counted."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in (start(), body(b"data: x\n\n"), END):
            await send(message)

    drive(observe(app))
    assert causes(metrics, "other") == {}


class Clients:
    """Clients of one application that streams without end, one event of a given id first."""

    def __init__(self, observe, metrics) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(start())
            await send(body(b"id: " + scope["query_string"] + b"\ndata: x\n\n"))
            while (await receive())["type"] != "http.disconnect":
                pass

        self.app = observe(app)
        self.metrics = metrics

    def scope(self, last: str, came_back_from: str | None) -> Any:
        headers = {} if came_back_from is None else {"last-event-id": came_back_from}
        return http_scope(query=last, headers=headers)

    def visit(self, last: str, came_back_from: str | None = None) -> None:
        """Open a stream, read an event of this id, and vanish."""

        async def main() -> None:
            exchange = Exchange(self.app, self.scope(last, came_back_from))
            exchange.gone.set()
            await exchange.run()

        asyncio.run(main())

    def causes(self) -> dict[str, float]:
        return causes(self.metrics, "other")


@pytest.fixture
def clients(observe, metrics) -> Clients:
    """Return clients that vanish."""
    return Clients(observe, metrics)


def test_who_comes_back_for_the_rest_was_cut_off_by_the_network(clients, clock) -> None:
    """At once, and never twice; what nobody comes back for is unknown after a minute."""
    clients.visit("4-epoch")
    assert clients.causes() == {}
    clients.visit("6-epoch", came_back_from="3-epoch")
    assert clients.causes() == {"network": 1}

    clock.tick(WAITS_SECONDS + 1)
    assert clients.causes() == {"network": 1, "unknown": 1}


def test_one_return_explains_one_leaving(clients, clock) -> None:
    """Two readers of one stream share its ids; one of them is gone for good."""
    clients.visit("4-epoch")
    clients.visit("4-epoch")
    clients.visit("6-epoch", came_back_from="4-epoch")
    clock.tick(WAITS_SECONDS + 1)

    assert clients.causes() == {"network": 1, "unknown": 2}


def test_who_is_back_before_he_was_missed_is_known_too(clients) -> None:
    """A phone that changes networks leaves a connection that nobody hears of for a while."""

    async def main() -> None:
        old = Exchange(clients.app, clients.scope("4-epoch", None))
        running = asyncio.create_task(old.run())
        await asyncio.sleep(0)
        clock = StreamTracker.of(clients.metrics).clock
        clock.tick(1)
        again = Exchange(clients.app, clients.scope("9-other", "4-epoch"))
        other = asyncio.create_task(again.run())
        await asyncio.sleep(0)
        old.gone.set()
        await running
        assert clients.causes() == {"network": 1}
        again.gone.set()
        await other

    asyncio.run(main())


@pytest.mark.parametrize("last", ["7", ""])
def test_a_number_or_nothing_tells_no_stream_from_another(clients, last) -> None:
    """Many clients have seen an event 7."""
    clients.visit(last)
    clients.visit("8", came_back_from="7")

    assert clients.causes() == {"unknown": 2}


def test_a_server_that_ends_waits_for_nobody(clients) -> None:
    """A cause that would wait for a minute is written down with the last flush."""
    clients.visit("4-epoch")
    StreamTracker.of(clients.metrics).flush(last=True)

    assert clients.causes() == {"unknown": 1}


def test_those_who_vanish_are_bounded_without_a_tick(observe, metrics, monkeypatch) -> None:
    """A busy loop may have no tick: what is beyond the bound is unknown at once."""
    monkeypatch.setattr("sse_observe.middleware.causes._MOST_REMEMBERED", 3)

    async def vanish(scope, receive, send):
        await send(start())
        await send(body(b"id: 1-%s\ndata: x\n\n" % scope["path"].encode()))
        scope["leave"]()
        await receive()
        await receive()

    async def all_vanish():
        app = observe(vanish)
        for n in range(5):
            exchange = Exchange(app, http_scope(f"/{n}"))
            exchange.scope["leave"] = exchange.gone.set
            await exchange.run()
        return len(StreamTracker.of(metrics).causes._open)

    assert asyncio.run(all_vanish()) == 3
    assert causes(metrics, "other") == {"unknown": 2}
