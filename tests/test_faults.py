"""Whatever of ours fails, the stream goes on: every function that a message or a tick calls."""

import asyncio
import logging

import pytest
from asgi import END, Exchange, body, http_scope, start, value

from sse_observe import SSEObserveMiddleware, StreamRoute
from sse_observe import cursors as cursors_module
from sse_observe import ledger as ledger_module
from sse_observe import middleware as middleware_module
from sse_observe import tally as tally_module
from sse_observe.cursors import Cursors
from sse_observe.flush import Flush
from sse_observe.ledger import Ledger
from sse_observe.middleware import SSEObserveMiddleware as Middleware
from sse_observe.routes import Routes
from sse_observe.stream import RouteTally, Scan, Stream
from sse_observe.tally import Notes

BODIES = [
    b"id: 1-ab\ndata: x\n\n",
    b"event: heartbeat\ndata: {}\n\n",
    b": ping\n\n",
    b"data: a\r\ndata: b\r\n\r\n",
    b"data: ha",
    b"lf\n\n",
    *[b"id: %d-ab\ndata: x\n\n" % n for n in range(2, 80)],
    b"event: done\ndata: {}\n\n",
]
INSIDE = [
    (Stream, "begin"),
    (Stream, "settle"),
    (Stream, "look_closely"),
    (RouteTally, "clear"),
    (RouteTally, "is_touched"),
    (Scan, "clear"),
    (Scan, "is_between_events"),
    (Notes, "drain"),
    (Notes, "_count"),
    (Notes, "_first"),
    (Notes, "_slow"),
    (Notes, "_scan"),
    (Notes, "_learn"),
    (Notes, "_whole_blocks"),
    (Notes, "_dispatch"),
    (tally_module, "_first_payload"),
    (tally_module, "_count_plain"),
    (tally_module, "_read_field"),
    (tally_module, "_plain_head"),
    (tally_module, "_is_plain"),
    (Routes, "resolve"),
    (Routes, "_by_path"),
    (Routes, "_undeclared"),
    (Cursors, "watch"),
    (Cursors, "writing"),
    (Cursors, "closed"),
    (cursors_module, "parse_id"),
    (Ledger, "open"),
    (Ledger, "close"),
    (Ledger, "tally"),
    (Ledger, "_keep_ticking"),
    (Ledger, "_tick_later"),
    (Ledger, "_rounds"),
    (Ledger, "_look"),
    (Ledger, "orphan"),
    (Ledger, "forget"),
    (Ledger, "_log_end"),
    (ledger_module, "limit_of"),
    (Flush, "write"),
    (Flush, "_write_streams"),
    (Flush, "_write_events"),
    (middleware_module, "Stream"),
    (middleware_module, "is_event_stream"),
    (middleware_module, "cursor_and_network"),
    (middleware_module, "response_faults"),
    (middleware_module, "asks_for_event_stream"),
    (middleware_module, "peek"),
    (middleware_module, "exiting"),
    (Middleware, "_started"),
    (Middleware, "_open"),
    (Middleware, "_rejected"),
    (Middleware, "_last"),
    (Middleware, "_note"),
    (Middleware, "_left"),
    (Middleware, "_lost_client"),
    (Middleware, "_returned"),
    (Middleware, "_raised"),
    (Middleware, "_close"),
    (Middleware, "_completed"),
    (Middleware, "_is_over"),
    (Middleware, "_shut_down"),
    (Middleware, "_segment_of"),
]


class OurFaultError(Exception):
    """What the patched function raises; nobody outside may see it."""


async def complete(scope, receive, send):
    """Stream to the end."""
    await send(start())
    for data in BODIES:
        await send(body(data))
        await asyncio.sleep(0)
    await send(body(bytearray(b"data: x\n\n")))
    await send(END)


async def abandoned(scope, receive, send):
    """Stream until the client leaves."""
    await send(start())
    await send(body(BODIES[0]))
    scope["leave"]()
    while (await receive())["type"] != "http.disconnect":
        pass
    await send(body(BODIES[0]))


async def failing(scope, receive, send):
    """Fail in mid-stream."""
    await send(start())
    await send(body(BODIES[0]))
    raise KeyError("the application's own")


async def unfinished(scope, receive, send):
    """Return without an end."""
    await send(start())


async def refused(scope, receive, send):
    """Refuse."""
    await send(start(503, []))
    await send(END)


EVERYTHING = StreamRoute(dense_ids=True, heartbeat_seconds=1, stall_seconds=1)
PATHS = ["/s", "/t/1", "/nobody/declared/this"]
APPS = [complete, abandoned, failing, unfinished, refused]


async def serve(app, wrap, path="/s"):
    """Run one application; return what came out, and the application's own exception."""
    exchange = Exchange(wrap(app), http_scope(path, headers={"accept": "text/event-stream"}))
    exchange.scope["headers"].append((b"last-event-id", b"0-ab"))
    exchange.scope["leave"] = exchange.gone.set
    try:
        await exchange.run()
    except KeyError as error:
        return exchange.sent, repr(error)
    return exchange.sent, None


async def session(wrap, ticks):
    """Serve everything, tick in between, shut down; return all that the outside saw."""
    seen = [await serve(app, wrap, path) for app in APPS for path in PATHS]
    task = asyncio.create_task(serve(held, wrap))
    await asyncio.sleep(0.01)
    ticks()
    await asyncio.sleep(0.03)

    async def lifespan(scope, receive, send):
        await receive()

    async def receive():
        return {"type": "lifespan.shutdown"}

    await wrap(lifespan)({"type": "lifespan"}, receive, None)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return seen


async def held(scope, receive, send):
    """Stay open."""
    await send(start())
    await send(body(BODIES[0]))
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("owner", "name"), INSIDE, ids=lambda part: getattr(part, "__name__", str(part)).split(".")[-1]
)
def test_stream_goes_on_when_we_fail(  # noqa: PLR0917
    metrics, clock, monkeypatch, caplog, owner, name
):
    """Bytes and exceptions are those of the bare application; the fault is counted, logged once."""
    monkeypatch.setattr(ledger_module, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(ledger_module, "_LOG_LINES_PER_SECOND", 1000)
    plain = asyncio.run(session(lambda app: app, lambda: None))
    calls = []

    def fail(*args, **kwargs):
        calls.append(name)
        raise OurFaultError

    wrap = SSEObserveMiddleware(
        complete,
        metrics=metrics,
        clock=clock,
        routes={"/s": EVERYTHING, "/t/{id}": StreamRoute()},
        segments=("a",),
        segment=lambda scope: "a",
    )

    def wrapped(app):
        wrap.app = app
        if not calls and owner is not None:
            monkeypatch.setattr(owner, name, fail)
        return wrap

    def ticks():
        clock.tick(6)

    with caplog.at_level(logging.INFO, "sse_observe"):
        seen = asyncio.run(session(wrapped, ticks))
    monkeypatch.undo()

    assert seen == plain
    assert calls
    assert value(metrics, "sse_observer_faults_total") > 0
    where = [r.args for r in caplog.records if r.msg.startswith("sse-observe failed")]
    assert len(where) == len(set(where)) > 0
    assert not [record for record in caplog.records if record.name == "asyncio"]
