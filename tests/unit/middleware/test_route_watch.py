"""Routes that nothing matches, and streams without a route, are named once."""

import logging

import pytest

from sse_observe import StreamRoute
from sse_observe.metrics import OTHER
from sse_observe.middleware.tracker import MOST_ROUTES, StreamTracker
from tests.support.asgi import END, body, drive, http_scope, start

HOUR = 3600


@pytest.fixture
def lines(caplog):
    """Return a function that gives the lines about routes, so far."""
    caplog.set_level(logging.WARNING, "sse_observe")
    return lambda: [r.getMessage() for r in caplog.records if r.getMessage().startswith("routes:")]


@pytest.fixture
def served(observe, metrics, clock):
    """Return a function that serves requests, lets time pass, and ticks."""

    async def stream(scope, receive, send):
        refused = "refused" in scope["path"]
        for message in (start(403 if refused else 200), body(b"data: x\n\n"), END):
            await send(message)

    routes = {path: StreamRoute() for path in ("/chat/{id}", "/typo", "/refused", "/feed")}
    app = observe(stream, routes=routes)

    def serve(*paths, seconds=0):
        for path in paths:
            drive(app, http_scope(path, headers={"accept": "text/event-stream"}))
        StreamTracker.of(metrics).tick()
        clock.now += seconds
        StreamTracker.of(metrics).tick()

    return serve


def test_a_declared_route_that_nothing_matches_is_named_after_an_hour(served, lines):
    """A slip in a template leaves its alerts silent for ever; nothing else would say so."""
    served("/chat/7", "/refused", seconds=HOUR - 1)
    assert lines() == []

    served(seconds=1)

    [line] = lines()
    assert "nothing matched '/typo', '/feed' within an hour" in line
    assert "streams came under '/chat/{id}':" in line
    served("/chat/7", seconds=10 * HOUR)
    assert len(lines()) == 1


def test_a_service_without_any_stream_says_nothing(served, lines):
    """A night without users is no slip."""
    served("/refused", seconds=2 * HOUR)

    assert lines() == []


def test_streams_without_a_route_are_named_once_they_are_many(served, lines):
    """One in ten is a route that was forgotten; a few are somebody who tries things out."""
    served(*["/chat/7"] * 89, *["/nowhere"] * 10)
    assert lines() == []

    served("/nowhere")

    [line] = lines()
    assert "11 of 100 streams are counted as `other`; declare their paths" in line
    served(*["/nowhere"] * 100)
    assert len(lines()) == 1


def test_too_many_routes_are_named_as_such(observe, metrics, lines):
    """Declaring one more would not help where a function gives each path a name of its own."""

    async def stream(scope, receive, send):
        for message in (start(), body(b"data: x\n\n"), END):
            await send(message)

    app = observe(stream, route=lambda scope: scope["path"])
    for n in range(110):
        drive(app, http_scope(f"/user/{n}"))
    tracker = StreamTracker.of(metrics)
    tracker.tick()

    [line] = lines()
    assert "60 of 110 streams are counted as `other`; 50 routes are named at most" in line
    assert len(tracker.labels()) == MOST_ROUTES + 1
    assert OTHER in tracker.labels()
