"""A look at one open stream, once a second."""

import asyncio
import logging

import pytest

from sse_observe import StreamRoute
from sse_observe.middleware.tracker import StreamTracker
from tests.support.asgi import Exchange, body, http_scope, start, value

EVENT = b"data: x\n\n"


async def send_only(scope, receive, send):
    """Send, and ask for nobody."""
    await send(start())
    await send(body(EVENT))
    await asyncio.Event().wait()


class Uvicorn(Exchange):
    """An exchange whose server shows that the client is gone, as uvicorn does."""

    disconnected = False


@pytest.fixture
def ticked(observe, metrics, clock):
    """Return a function that opens a stream, does something to it, and ticks some times."""

    def run(app, exchange_type, *, ticks=3, before_ticks=lambda exchange: None, **options):
        observed = observe(app, **options)
        shown = []

        async def serve():
            exchange = exchange_type(observed, http_scope("/feed"))
            task = asyncio.create_task(exchange.run())
            await asyncio.sleep(0.01)
            before_ticks(exchange)
            for _ in range(ticks):
                clock.tick(1)
                StreamTracker.of(metrics).tick()
                await asyncio.sleep(0)
                names = ("sse_concurrent_streams", "sse_orphaned_streams")
                shown.append(tuple(value(metrics, name) for name in names))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(serve())
        return shown

    return run


def test_a_client_that_left_is_seen_by_the_next_tick(ticked, metrics):
    """The application sends on; its stream is over, and it is an orphan until it returns."""

    def leave(exchange):
        exchange.disconnected = True

    assert ticked(send_only, Uvicorn, before_ticks=leave) == [(0, 1)] * 3
    assert value(metrics, "sse_streams_closed_total", reason="client_disconnected") == 1
    assert value(metrics, "sse_orphaned_streams") == 0


def lines(caplog):
    """Return the lines that say that leavers go unseen."""
    return [r.getMessage() for r in caplog.records if "goes unseen" in r.getMessage()]


def test_a_server_that_shows_nothing_is_said_once(ticked, caplog):
    """The line names the route and the option, however many streams and ticks there are."""
    assert ticked(send_only, Exchange, ticks=5) == [(1, 0)] * 5
    ticked(send_only, Exchange, ticks=5)

    [line] = lines(caplog)
    assert line.startswith("other: ")
    assert line.endswith("declare StreamRoute(watch_disconnect=True)")


async def polling(scope, receive, send):
    """Ask now and then, as a generator with `is_disconnected()` does."""
    await send(start())
    for _ in range(2):
        await send(body(EVENT))
        asking = asyncio.create_task(receive())
        await asyncio.sleep(0)
        asking.cancel()
    await asyncio.Event().wait()


async def reading(scope, receive, send):
    """Read the request, then ask no more."""
    await receive()
    await send_only(scope, receive, send)


async def waiting(scope, receive, send):
    """Wait for the client from before the response on."""
    await receive()
    asking = asyncio.create_task(receive())
    await asyncio.sleep(0)
    await send(start())
    await asyncio.wait([asking])


@pytest.mark.parametrize(
    ("case", "warned"),
    [
        ((polling, Exchange, {}), 0),
        ((waiting, Exchange, {}), 0),
        ((reading, Exchange, {}), 1),
        ((send_only, Uvicorn, {}), 0),
        ((send_only, Exchange, {"default": StreamRoute(watch_disconnect=True)}), 0),
    ],
)
def test_only_who_never_asks_where_nothing_is_shown_is_warned_of(ticked, caplog, case, warned):
    """Reading an upload is no question about the client; asking now and then is one."""
    caplog.set_level(logging.WARNING)
    app, exchange, options = case
    ticked(app, exchange, ticks=4, **options)

    assert len(lines(caplog)) == warned
