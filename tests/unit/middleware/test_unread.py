"""Work that nobody reads is counted: its events, and the time that it goes on."""

import asyncio

import pytest

from sse_observe.middleware.tracker import StreamTracker
from sse_observe.middleware.unread import events_in
from tests.support.asgi import Exchange, body, http_scope, start, value
from tests.support.streaming import EVENT, leaving, run_leaving, streaming

PING = b": ping\n\n"


@pytest.mark.parametrize(
    ("message", "events"),
    [
        (EVENT, 1),
        (EVENT * 3, 3),
        (b"data: x\r\n\r\n", 1),
        (bytearray(EVENT), 1),
        (b"data: half an ev", 0),
        (PING, 0),
        (b"", 0),
        (None, 0),
    ],
)
def test_events_are_counted_where_they_end(message, events):
    """Neither a comment nor half an event is one."""
    assert events_in(message) == events


def test_events_for_a_client_that_left_are_unread(observe, metrics):
    """The application was told, and goes on; what it sent before was read."""
    run_leaving(observe(leaving(EVENT, EVENT, after=(EVENT, PING, EVENT * 2))))

    assert value(metrics, "sse_unread_events_total") == 3
    assert value(metrics, "sse_events_sent_total", event="message") == 2


def test_who_stops_with_its_client_has_produced_nothing_unread(observe, metrics):
    """Neither the end of a stream nor a client that reads to it is waste."""
    run_leaving(observe(leaving(EVENT)))
    asyncio.run(Exchange(observe(streaming(EVENT, EVENT)), http_scope()).run())

    assert value(metrics, "sse_unread_events_total") == 0
    assert value(metrics, "sse_unread_seconds_total") == 0


def test_time_goes_on_until_the_application_returns(observe, metrics, clock):
    """It shows while it lasts, at each tick, and each second counts once."""
    shown = []

    async def app(scope, receive, send):
        await send(start())
        await send(body(EVENT))
        scope["leave"]()
        while (await receive())["type"] != "http.disconnect":
            pass
        for seconds in (3, 4):
            clock.tick(seconds)
            StreamTracker.of(metrics).tick()
            shown.append(value(metrics, "sse_unread_seconds_total"))
        clock.tick(0.5)

    run_leaving(observe(app))

    assert shown == [3, 7]
    assert value(metrics, "sse_unread_seconds_total") == 7.5
