"""Thousands of open streams in one process, which measures what our tick and a scrape cost it."""

import asyncio
import json
import sys
import time

from sse_observe import SSEObserveMiddleware, StreamRoute, metrics_app
from sse_observe.middleware.tick import Tick
from tests.support.asgi import END, Exchange, body, http_scope, start

ROUTES = 50
ROUNDS = 3

rounds = [asyncio.Event() for _ in range(ROUNDS)]
metrics = metrics_app()
# Seconds of processor time, and by the clock, that each piece of the tick took.
pieces: list[tuple[float, float]] = []
ticking = False


def measured(step):
    """Take the time of each call, which is how long the loop stands still."""

    def timed(*args):
        global ticking  # noqa: PLW0603 - one thread, and a profile has no other way to know
        began, worked = time.perf_counter(), time.thread_time()
        ticking = True
        step(*args)
        ticking = False
        pieces.append((time.thread_time() - worked, time.perf_counter() - began))

    return timed


async def measure(scrapes):
    """
    Scrape some times; return the calls and the seconds of each, and the loop's longest stops.

    All in processor time of the event loop. A tick runs between the pieces of a scrape, on a busy
    machine in every one; what it takes is no cost of the scrape. Nor is what prometheus_client
    takes, in a thread, to list the descriptors of thousands of streams.
    """
    took, stops, called = [], [], []
    calls = 0
    longest = 0.0

    async def watch():
        nonlocal longest
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - before)

    def count(frame, event, argument):
        nonlocal calls
        calls += event == "call" and not ticking

    for _ in range(3):
        calls = 0
        sys.setprofile(count)
        await Exchange(metrics, http_scope("/metrics")).run()
        sys.setprofile(None)
        called.append(calls)
    for _ in range(scrapes):
        worked, ticked = time.thread_time(), len(pieces)
        await Exchange(metrics, http_scope("/metrics")).run()
        took.append(time.thread_time() - worked - sum(piece[0] for piece in pieces[ticked:]))
        await asyncio.sleep(0.05)
    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    for _ in range(scrapes):
        longest = 0.0
        await Exchange(metrics, http_scope("/metrics")).run()
        stops.append(longest)
    watching.cancel()
    # The least: a scrape between two pieces of a tick also writes down what the tick added up.
    return {"calls": min(called), "took": took, "stops": stops}


async def app(scope, receive, send):
    """
    `/r/<k>` streams one event per `/round/<n>`; with a query none, and it ends at once.

    `/send-only/<k>` sends one event, and never asks for its client.
    """
    path = scope["path"]
    if path == "/metrics":
        await metrics(scope, receive, send)
    elif path.startswith("/r/"):
        await send(start())
        if scope["query_string"]:
            await send(END)
            return
        for number in range(ROUNDS):
            await rounds[number].wait()
            await send(body(b"id: %d\ndata: x\n\n" % number))
        while (await receive())["type"] != "http.disconnect":
            pass
    elif path.startswith("/send-only/"):
        await send(start())
        await send(body(b"data: x\n\n"))
        await asyncio.Event().wait()
    else:
        found = None
        if path.startswith("/round/"):
            rounds[int(path[-1])].set()
        elif path.startswith("/measure/"):
            found = await measure(int(path.rpartition("/")[2]))
        elif path == "/ticks":
            found = list(pieces)
            pieces.clear()
        await send(start(200, [(b"content-type", b"application/json"), (b"connection", b"close")]))
        await send({**END, "body": json.dumps(found).encode()})


def observed():
    """Return the application, its tick measured: in the server's process, and in no test's."""
    Tick._go_on = measured(Tick._go_on)
    routes = {f"/r/{k}": StreamRoute(heartbeat_seconds=10) for k in range(ROUTES)}
    return SSEObserveMiddleware(app, routes=routes)
