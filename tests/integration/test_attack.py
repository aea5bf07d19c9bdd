"""Strangers fill neither the metrics nor the memory, whatever they send."""

import asyncio
import gc
import random
import time
import tracemalloc
from contextlib import suppress
from types import FunctionType, ModuleType

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import StreamingResponse
from starlette.routing import Mount, Route

from sse_observe import SSEObserveMiddleware, StreamRoute
from sse_observe.metrics import NETWORKS
from sse_observe.middleware.stream import Stream
from tests.support.asgi import END, Exchange, body, http_scope, start, value

REQUESTS = 100_000
# Each strange request is made so often; the service answers differently each time.
TIMES = 10
MOST_EPOCHS = 100
DECLARED = {
    "/chat/{id}": StreamRoute(dense_ids=True, stall_seconds=5, heartbeat_seconds=1),
    "/files/{name:path}": StreamRoute(kind="continuous", events=("tick",)),
    "/feed": StreamRoute(terminal_events=("done",)),
}
GOOD_PATHS = ("/chat/1", "/files/a", "/feed", "/nowhere")
FIELDS = tuple("&".join(f"f{n}" for n in range(count)) for count in (3, 300))
METHODS = ("GET", "GET", "GET", "POST", "DELETE", "HEAD", "get", "\x00", "X" * 200)


def drawn_text(draw, longest=40):
    """Return text as hostile as one can type it."""
    alphabet = draw.choice(
        ("ab/", "{}/:", "0123456789-", "\x00\r\n\t ", "äß漢\U0001f4a5", "%25&=;")
    )
    return "".join(draw.choices(alphabet, k=draw.randrange(longest)))


def drawn_request(draw):
    """Return the scope of one strange request."""
    path = draw.choice(("/chat/", "/files/", "/feed", "/", "//chat/", "/{id}/", "")) + drawn_text(
        draw
    )
    if draw.random() < 0.01:
        path += "x" * 8000
    scope = http_scope(path, method=draw.choice(METHODS))
    # Drawn when it was chosen: a long text takes longer than the request.
    cursor = draw.choice(
        (
            lambda: f"{draw.randrange(10**20)}-{drawn_text(draw)}",
            lambda: f"{draw.randrange(100)}-e{draw.randrange(10**6)}",
            lambda: drawn_text(draw, 2000),
            lambda: "-1-e5",
        )
    )()
    network = draw.choice((*NETWORKS, "5g", drawn_text(draw)))
    query = draw.choice(
        (
            "",
            f"last_event_id={cursor}",
            f"network_type={network}&last_event_id=",
            f"network_type={network}" * 3,
            draw.choice(FIELDS),
            "last_event_id=%ff%zz&network_type=%",
        )
    )
    scope["query_string"] = query.encode("utf-8", "replace")
    offered = {
        "last-event-id": cursor,
        "LAST-EVENT-ID": cursor,
        "ect": network,
        "accept": draw.choice(("text/event-stream", "*/*", drawn_text(draw))),
        "user-agent": drawn_text(draw),
        drawn_text(draw): drawn_text(draw),
    }
    names = draw.sample(sorted(offered), draw.randrange(len(offered)))
    scope["headers"] = [(name.encode(), offered[name].encode()) for name in names * 2]
    scope["http_version"] = draw.choice(("1.0", "1.1", "2", "3"))
    scope["draw"] = draw
    return scope


async def service(scope, receive, send):
    """Answer as an application that repeats what it is asked; sometimes it fails."""
    draw = scope["draw"]
    asked = scope["path"].replace("\r", "").replace("\n", "")[:60].encode()
    turn = draw.random()
    if turn < 0.1:
        await send(start(draw.choice((301, 404, 429, 503)), []))
        await send(END)
        return
    if turn < 0.15:
        raise RuntimeError
    await send(start())
    epoch = draw.randrange(10**9)
    for seq in range(draw.randrange(4)):
        await send(body(b"event: %s\nid: %d-e%d\ndata: x\n\n" % (asked, seq, epoch)))
        await send(body(b": %s\n\n" % asked))
        await send(body(b"id: %d-e%d\ndata: %s\n\n" % (seq, epoch, asked)))
    if turn < 0.3:
        scope["leave"]()
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    if turn < 0.9:
        await send(END)


async def attack(app, draw, requests):
    """Send so many strange requests."""
    for _ in range(requests // TIMES):
        scope = drawn_request(draw)
        for _ in range(TIMES):
            exchange = Exchange(app, {**scope})
            exchange.scope["leave"] = exchange.gone.set
            with suppress(RuntimeError):
                await exchange.run()


async def greet(app, draw):
    """Do once what any honest client does: each network, on each route, however it ends."""
    for path in GOOD_PATHS:
        for network in NETWORKS:
            scope = http_scope(path, query=f"network_type={network}")
            await Exchange(app, {**scope, "draw": draw, "leave": lambda: None}).run()


class Polite(random.Random):
    """Draws that make the service stream to the end."""

    def random(self):
        """Return what makes the service answer in full."""
        return 0.5


def series(metrics):
    """Return the names of all series."""
    return {
        (sample.name, *sorted(sample.labels.items()))
        for family in metrics.registry.collect()
        for sample in family.samples
    }


def held(*roots):
    """Return how many things the containers hold that are reachable from our own objects."""
    seen, found, queue = set(), 0, list(roots)
    while queue:
        thing = queue.pop()
        if id(thing) in seen or isinstance(thing, type | ModuleType | FunctionType):
            continue
        seen.add(id(thing))
        if isinstance(thing, dict | list | set | frozenset | tuple):
            found += len(thing)
        ours = type(thing).__module__.startswith(("sse_observe", "prometheus_client"))
        if ours or isinstance(thing, dict | list | set | frozenset | tuple):
            queue += gc.get_referents(thing)
    return found


@pytest.mark.slow
@pytest.mark.long
def test_strangers_add_no_series_and_fill_no_memory(metrics, monkeypatch):
    """After 100,000 strange requests there is no new series, and nothing of ours has grown."""
    monkeypatch.setattr("sse_observe.middleware.resume_loss._MOST_EPOCHS", MOST_EPOCHS)
    monkeypatch.setattr("sse_observe.middleware.causes._MOST_REMEMBERED", MOST_EPOCHS)
    observed = SSEObserveMiddleware(service, metrics=metrics, routes=DECLARED, log_ends=False)
    draw = random.Random(20)
    # A test that failed before this one keeps what it made. isinstance would load lazy objects.
    others = {thing for thing in gc.get_objects() if type(thing) is Stream}

    async def run():
        await greet(observed, Polite())
        before = series(metrics)
        began = time.process_time()
        # Until what is remembered on purpose is full.
        await attack(observed, draw, REQUESTS * 9 // 10)
        assert len(observed._tracker._cursors._epochs) == MOST_EPOCHS
        await asyncio.sleep(0)
        observed._tracker.tick()
        gc.collect()
        full = held(observed)
        tracemalloc.start()
        # Until all of it was replaced once by what is traced.
        await attack(observed, draw, REQUESTS * 8 // 100)
        gc.collect()
        traced = tracemalloc.get_traced_memory()[0]
        await attack(observed, draw, REQUESTS * 8 // 100)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - traced
        tracemalloc.stop()
        observed._tracker.tick()
        return before, full, grown, time.process_time() - began

    before, full, grown, seconds = asyncio.run(run())

    gc.collect()
    left = {thing for thing in gc.get_objects() if type(thing) is Stream} - others
    assert not left, "an ended stream holds on to its server's connection"
    print(f"\n{REQUESTS} requests in {seconds:.1f} s, {len(before)} series, {grown} bytes grown")
    assert series(metrics) == before
    assert held(observed) <= full
    # One small object kept of each request would be 50 bytes and more.
    assert grown < 8 * REQUESTS * 8 // 100
    assert value(metrics, "sse_streams_opened_total") > REQUESTS / 2
    assert value(metrics, "sse_concurrent_streams") == 0
    assert value(metrics, "sse_orphaned_streams") == 0
    assert value(metrics, "sse_observer_faults_total") == 0


@pytest.mark.slow
def test_strangers_add_no_series_through_a_framework(metrics):
    """Mounts and routes with parameters are called by their templates, whatever is asked for."""

    async def ticks(request):
        return StreamingResponse(iter(["data: x\n\n"]), media_type="text/event-stream")

    streams = [Route("/s/{id}", ticks), Route("/{rest:path}", ticks)]
    app = Starlette(
        routes=[Mount("/t/{tenant}", routes=streams), Route("/{a}", ticks), *streams],
        middleware=[Middleware(SSEObserveMiddleware, metrics=metrics)],
    )
    draw = random.Random(4)

    async def run():
        for path in ("/t/1/s/2", "/t/1/x", "/a", "/s/1", "/x/y/z"):
            for network in NETWORKS:
                await Exchange(app, http_scope(path, query=f"network_type={network}")).run()
        # What no route matches is `other`, once and for all.
        refused = http_scope("//\n\nx", headers={"accept": "text/event-stream"})
        await Exchange(app, refused).run()
        before = series(metrics)
        for _ in range(3000):
            scope = drawn_request(draw)
            scope["path"] = draw.choice(("/t/", "/s/", "/")) + scope["path"]
            await Exchange(app, scope).run()
        return before

    before = asyncio.run(run())

    assert series(metrics) == before
    assert value(metrics, "sse_observer_faults_total") == 0
