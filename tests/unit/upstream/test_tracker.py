"""Served and consumed streams know each other, in tasks and threads, and nobody else does."""

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from sse_observe import StreamRoute
from sse_observe.middleware.tracker import StreamTracker
from sse_observe.upstream import observe_client
from tests.support.asgi import Exchange, body, drive, http_scope, start
from tests.support.upstreams import (
    ASKS,
    CHUNK,
    WHOLE,
    Body,
    async_client,
    causes,
    client,
    ends,
    value,
)

CUT = httpx.RemoteProtocolError("peer closed connection")
URL = "http://model/v1/chat"


def answering(ask: Callable[[], Awaitable[object]]) -> Any:
    """Return an application that begins a stream, and fails after what it asks meanwhile."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"data: x\n\n"))
        try:
            await ask()
        except httpx.HTTPError:
            await send(body(b'event: error\ndata: {"error":{"type":"upstream"}}\n\n'))
        await send({"type": "http.response.body", "body": b""})

    return app


class Asks:
    """Every way in which an application asks an upstream whose answers break off."""

    def __init__(self, metrics) -> None:
        cut = Body(CHUNK, error=CUT)
        self.client = observe_client(client(cut), "model", metrics=metrics)
        self.async_client = observe_client(async_client(cut), "model", metrics=metrics)

    def sync(self) -> None:
        self.client.post(URL, json=ASKS)

    async def here(self) -> None:
        await self.async_client.post(URL, json=ASKS)

    async def task(self) -> None:
        await asyncio.create_task(self.here())

    async def group(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.here())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def thread(self) -> None:
        await asyncio.to_thread(self.sync)

    async def executor(self) -> None:
        run = contextvars.copy_context().run
        await asyncio.get_running_loop().run_in_executor(None, run, self.sync)


@pytest.mark.parametrize("way", ["here", "task", "group", "thread", "executor"])
def test_a_failure_of_an_upstream_is_known_however_it_was_asked(observe, metrics, way) -> None:
    """In the request itself, in its tasks, and in the threads that carry its context."""
    drive(observe(answering(getattr(Asks(metrics), way))))

    assert ends(metrics) == {"cut": 1, "opened": 1}
    assert causes(metrics, "other") == {"upstream": 1}


def test_a_bare_thread_knows_of_no_request(observe, metrics) -> None:
    """Its stream is counted, and is no evidence."""

    async def ask() -> None:
        def run() -> None:
            with pytest.raises(httpx.RemoteProtocolError):
                Asks(metrics).sync()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        raise CUT

    drive(observe(answering(ask)))
    assert ends(metrics) == {"cut": 1, "opened": 1}
    assert causes(metrics, "other") == {"unknown": 1}


def test_requests_at_once_do_not_know_each_other_s_streams(observe, metrics) -> None:
    """One's upstream fails, the other's application does."""
    asks = Asks(metrics)

    async def breaks() -> None:
        raise KeyError("choices")

    async def main() -> None:
        first = Exchange(observe(answering(asks.here)), http_scope())
        second = Exchange(observe(answering(breaks)), http_scope())
        await asyncio.gather(first.run(), second.run(), return_exceptions=True)

    asyncio.run(main())
    assert causes(metrics, "other") == {"upstream": 1, "application": 1}


@pytest.mark.parametrize(("seconds", "cause"), [(3, "upstream"), (1, "unknown")])
def test_who_waited_too_long_waited_for_an_upstream(
    observe, metrics, clock, seconds, cause
) -> None:
    """The served stream completes, and late; the upstream alone took longer than the limit."""

    class Thinks(Body):
        def __iter__(self):
            clock.tick(seconds)
            yield from super().__iter__()

    found = observe_client(client(Thinks(*WHOLE)), "model", metrics=metrics)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        found.post(URL, json=ASKS)
        clock.tick(1.5)
        await send(body(b"data: x\n\n"))
        await send({"type": "http.response.body", "body": b""})

    drive(observe(app, default=StreamRoute(first_event_within=2.0)))
    assert causes(metrics, "other") == {cause: 1}


def test_what_is_read_for_nobody_adds_up(observe, metrics, clock) -> None:
    """The client has left, and the tokens are paid for."""
    found = observe_client(client(Body(*WHOLE)), "model", metrics=metrics)
    tracker = StreamTracker.of(metrics)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        with found.stream("POST", URL, json=ASKS) as response:
            for number, chunk in enumerate(response.iter_raw()):
                await send(body(chunk))
                if number == 0:
                    assert (await receive())["type"] == "http.request"
                    exchange.gone.set()
                    await receive()
                    tracker.tick()
                clock.tick(3)
                tracker.tick()

    exchange = Exchange(observe(app), http_scope())
    asyncio.run(exchange.run())

    assert ends(metrics) == {"completed": 1, "opened": 1}
    assert value(metrics, "sse_upstream_unread_seconds_total", upstream="model") == 12


def test_without_any_served_stream_upstreams_are_counted_all_the_same(metrics) -> None:
    """A worker of a queue serves nobody."""
    observe_client(client(Body(*WHOLE)), "model", metrics=metrics).post(URL, json=ASKS)

    assert ends(metrics) == {"completed": 1, "opened": 1}


def test_an_open_stream_keeps_the_tick_at_work(metrics) -> None:
    """With several processes only the tick writes down what is counted."""
    tracker = StreamTracker.of(metrics)
    found = observe_client(client(Body(*WHOLE)), "model", metrics=metrics)
    with found.stream("POST", URL, json=ASKS):
        assert tracker.has_streams()

    tracker.flush()
    assert not tracker.has_streams()
