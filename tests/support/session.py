"""
Everything that can happen to a stream, served once, with what the outside saw of it.

`everything` and `over_sockets` serve it through whatever `wrap` makes of an application.
"""

import asyncio
from contextlib import ExitStack, closing, suppress
from types import SimpleNamespace

import httpx

from sse_observe import SSEObserveMiddleware, StreamRoute, observe_client
from tests.support.asgi import END, Exchange, body, http_scope, start
from tests.support.tcp_pair import Cycle, Line
from tests.support.upstreams import ASKS, CHUNK, WHOLE, Body, async_client

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


async def shouted(scope, receive, send):
    """Name the content type as few do."""
    await send(start(200, [(b"Content-Type", b"TEXT/EVENT-STREAM; charset=utf-8")]))
    await send(END)


async def refused(scope, receive, send):
    """Refuse."""
    await send(start(503, []))
    await send(END)


async def speaking(scope, receive, send):
    """Speak a protocol that says its failure, and then that it stopped."""
    await send(start())
    await send(body(b'event: message_start\ndata: {"type":"message_start"}\n\n'))
    await send(body(b'event: content_block_delta\ndata: {"delta":{"text":"x"}}\n\n'))
    await send(body(b'event: error\ndata: {"error":{"type":"overloaded_error"}}\n\n'))
    await send(END)


async def chatting(scope, receive, send):
    """Speak a protocol that says everything in its data."""
    await send(start())
    for n in range(3):
        piece = b'{"choices":[{"delta":{"content":"%d"},"finish_reason":null}]}' % n
        await send(body(b"data: " + piece + b"\n\n"))
    await send(body(b"data: [DONE]\n\n"))
    await send(END)


EVERYTHING = StreamRoute(
    dense_ids=True, heartbeat_seconds=1, stall_seconds=1, first_event_within=1, gap_within=1
)
PATHS = ["/s", "/t/1", "/nobody/declared/this"]
APPS = [complete, abandoned, failing, unfinished, shouted, refused, speaking, chatting]


async def serve(app, wrap, path="/s", accept="text/event-stream"):
    """Run one application; return what came out, and the application's own exception."""
    exchange = Exchange(wrap(app), http_scope(path, headers={"accept": accept}))
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
    seen.append(await serve(refused, wrap, "/s", accept="application/json"))
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


async def with_ids(scope, receive, send):
    """Send the ids that the path names."""
    await send(start())
    for name in scope["path"].split("/")[-1].split(","):
        await send(body(b"id: %s-epoch\ndata: x\n\n" % name.encode()))
        await send(body(b"\xef\xbb\xbf: \n\n"))
    await send(END)


async def numbered(scope, receive, send):
    """Send an id that is a plain number."""
    await send(start())
    await send(body(b"id: 7\ndata: x\n\n"))
    await send(END)


async def stalls(scope, receive, send):
    """Send something, nothing for long, then something again."""
    await send(start())
    await send(body(b"data: x\n\n"))
    await scope["pause"]()
    await send(body(b"data: x\n\n"))
    await send(body(b": a comment\n\n"))
    await send(END)


async def in_background(scope, receive, send):
    """Send everything, then go on working."""
    await send(start())
    await send(END)
    await scope["pause"]()


def clients(metrics):
    """Return observed clients: one whose every stream is cut, one whose every stream is whole."""
    cut = Body(*WHOLE[:1], error=httpx.ReadError("cut"))
    return [
        observe_client(async_client(answer), "model", metrics=metrics, spans=True)
        for answer in (cut, Body(*WHOLE))
    ]


async def late(scope, receive, send):
    """Consume a stream before all, and send the first event when nobody expects it any more."""
    _, client = scope["clients"]
    await client.post("http://upstream/", json=ASKS)
    await send(start())
    await scope["pause"]()
    await send(body(b"data: x\n\n"))
    await send(END)


async def consuming(scope, receive, send):
    """Consume a stream that is cut and one that is whole, then break all the same."""
    await send(start())
    for client in scope["clients"]:
        with suppress(httpx.ReadError):
            await client.post("http://upstream/", json=ASKS)
            await send(body(CHUNK))


class Opaque:
    """An awaitable as some servers hand it out: silent about itself."""

    def __await__(self):
        """Wait for nothing."""
        yield from ()


async def more(wrap, clock, stacked, observed):
    """Serve what `session` leaves out; return what the outside saw."""
    seen = []

    async def ask(app, path="/s", **more_scope):
        exchange = Exchange(wrap(app), http_scope(path, **more_scope))
        exchange.scope["pause"] = pause
        await exchange.run()
        seen.append(exchange.sent)

    async def pause():
        clock.tick(9)
        await asyncio.sleep(0.04)

    await ask(with_ids, "/t/1,2,3,4,5")
    await ask(with_ids, "/t/8,9", query="last_event_id=2-epoch&network_type=3g")
    await ask(with_ids, "/t/4,10", query="last_event_id=9-epoch")
    await ask(with_ids, "/t/1", query="last_event_id=3-other")
    await ask(numbered, "/t/1")
    await ask(stalls)
    await ask(halts, "/halts")
    await ask(late, clients=observed)
    await ask(consuming, clients=observed)
    await ask(in_background)
    await ask(stacked)
    route = SimpleNamespace(path="/t/{id}")
    await ask(with_ids, "/api/t/1", route=route, root_path="/api", app_root_path="")
    await ask(with_ids, "/t/1", route=route)
    await ask(with_ids, "/v1/u/1", route=SimpleNamespace(path="/u/{n}"))

    sent = []

    def send(message):
        sent.append(message)
        return Opaque()

    for _ in range(2):
        await wrap(complete)(http_scope(), Exchange(None, {}).receive, send)
    return [*seen, sent]


async def pauses(scope, receive, send):
    """Send something, and end a while later."""
    await send(start())
    await send(body(BODIES[0]))
    await scope["pause"]()
    await send(END)


async def halts(scope, receive, send):
    """Send words of one shape, the last of them a while later."""
    await send(start())
    for number in range(3):
        await send(body(b"data: word %d\n\n" % number))
        if number == 1:
            await scope["pause"]()
    await send(END)


async def over_sockets(wrap):
    """Stream over real sockets: shown by the server, found by both ends, shared, closed."""

    async def over(line, *, shown=True, closes=False, **more):
        async def pause():
            if closes:
                line.socket.close()
            elif line is not None:
                line.say(2)
            await asyncio.sleep(0.05)

        async def send(message):
            sent.append(message)

        sent = []
        scope = http_scope(client=None) if line is None else line.scope(**more)
        cycle = Cycle(line if shown else None)
        await observed({**scope, "pause": pause}, cycle.receive, send)
        return sent

    observed = wrap(pauses)
    with ExitStack() as stack:
        lines = [stack.enter_context(closing(Line())) for _ in range(5)]
        everywhere = "0.0.0.0", lines[3].socket.getsockname()[1]
        return await asyncio.gather(
            over(None),
            over(lines[0]),
            over(lines[1], closes=True, path="/nobody"),
            over(lines[2], shown=False),
            over(lines[3], shown=False, server=everywhere),
            over(lines[4], http_version="2"),
            over(lines[4], http_version="2"),
        )


async def listens_late(scope, receive, send):
    """Ask only after all has been sent, on a route that is declared watch_disconnect."""
    await send(start())
    await send(body(BODIES[0]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await receive()
    scope["leave"]()
    await receive()
    await send(END)


async def everything(wrap, clock, metrics, observed):
    """Serve it all, but for sockets, with these `clients`; return what the outside saw."""
    stacked = SSEObserveMiddleware(complete, metrics=metrics)
    first = await session(wrap, lambda: clock.tick(6))
    first.append(await serve(listens_late, wrap, "/watch_disconnect"))
    return first, await more(wrap, clock, stacked, observed)
