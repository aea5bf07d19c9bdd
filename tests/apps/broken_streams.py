"""
A stream that does everything right, and one for each check that does exactly one thing wrong.

`/healthy` is right; `/D5` breaks the fifth check, and so on. POST is answered as GET is.
"""

import asyncio
import json
import socket
import zlib
from contextlib import suppress
from urllib.parse import parse_qs

from prometheus_client import CollectorRegistry, Counter, generate_latest

from sse_observe import SSEMetrics, SSEObserveMiddleware, metrics_app

PAUSE = 0.1
EVENTS = 40
EPOCH = "epochepoch1234"
ORIGIN = "https://page.example"
_HEADERS = {
    b"content-type": b"text/event-stream",
    b"cache-control": b"no-cache, no-transform",
    b"x-accel-buffering": b"no",
    b"access-control-allow-origin": ORIGIN.encode(),
    b"access-control-allow-headers": b"last-event-id",
}


class Stream:
    """One answer of the application, with the fault that its path names."""

    def __init__(self, scope, receive, send, broken, turn):
        self.turn = turn
        self.broken = broken
        self.receive, self.send = receive, send
        self.headers = dict(scope["headers"])
        self.query = {k: v[0] for k, v in parse_qs(scope["query_string"].decode()).items()}
        self.method = scope["method"]
        self.compress = None

    async def head(self, status=200, **more):
        """Send the head; a value of None takes a header away."""
        headers = {**_HEADERS, **{name.encode(): value for name, value in more.items()}}
        pairs = [(name, value) for name, value in headers.items() if value is not None]
        await self.send({"type": "http.response.start", "status": status, "headers": pairs})

    async def write(self, data, *, flush=True):
        """Send a piece of the body."""
        if self.compress is not None:
            data = self.compress.compress(data)
            if flush:
                data += self.compress.flush(zlib.Z_SYNC_FLUSH)
        await self.send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data=b""):
        """Send the end of the body."""
        if self.compress is not None:
            data = self.compress.compress(data) + self.compress.flush()
        await self.send({"type": "http.response.body", "body": data})

    @property
    def cursor(self):
        """The position after which a reader wants to go on; None for a new stream."""
        text = self.headers.get(b"last-event-id", b"").decode()
        if not text and self.broken != "D14":
            text = self.query.get("last_event_id", "")
        seq, _, epoch = text.partition("-")
        return int(seq) if epoch == EPOCH and seq.isdigit() else None


def hello(stream, heartbeat=10):
    """Return the greeting."""
    resumed = None if stream.cursor is None else "known"
    data = {"stream": None, "resumed_from": resumed, "lost": 0, "heartbeat_seconds": heartbeat}
    return f"event: sse.hello\nretry: 2000\ndata: {json.dumps(data)}\n\n".encode()


def event(number, *, size=20, ident=None):
    """Return one event."""
    ident = f"{number}-{EPOCH}" if ident is None else ident
    words = "x" * size
    return f'id: {ident}\ndata: {{"c":"{number} {words}"}}\n\n'.encode()


async def steady(stream, first=0, *, count=EVENTS, pause=PAUSE, size=20):
    """Send events one by one, then the terminal event."""
    await stream.write(hello(stream))
    for number in range(first, count):
        await stream.write(event(number, size=size))
        await asyncio.sleep(pause)
    await stream.end(b"event: done\ndata: {}\n\n")


async def healthy(stream):
    """Do everything right: short enough to be asked for again when it is over."""
    first = 0 if stream.cursor is None else stream.cursor + 1
    if first >= EVENTS:
        await stream.head(204, **{"content-type": None})
        return await stream.end()
    await stream.head()
    if stream.method == "HEAD":
        return await stream.end()
    return await steady(stream, first)


async def d1(stream):
    """Answer a web page."""
    await stream.head(**{"content-type": b"text/html"})
    await stream.end(b"<html><title>Please sign in</title></html>")


async def d2(stream):
    """Redirect twice."""
    hops = int(stream.query.get("hops", "0"))
    if hops < 2:
        await stream.head(307, location=f"/D2?hops={hops + 1}".encode(), **{"content-type": None})
        return await stream.end()
    return await healthy(stream)


async def d3(stream):
    """Send the head only with the first event, which is late."""
    if stream.method != "HEAD":
        await asyncio.sleep(1.4)
    await healthy(stream)


async def d4(stream):
    """Send nothing for a while after the head."""
    await stream.head()
    if stream.method == "HEAD":
        return await stream.end()
    await stream.write(b"")
    await asyncio.sleep(2.5)
    return await steady(stream, 0)


async def d5(stream):
    """Collect events, and send five at a time."""
    await stream.head()
    if stream.method == "HEAD":
        return await stream.end()
    await stream.write(hello(stream))
    for start in range(0, EVENTS, 5):
        await asyncio.sleep(5 * PAUSE)
        await stream.write(b"".join(map(event, range(start, start + 5))))
    return await stream.end()


async def d6(stream):
    """Hold back the end of each event until the next."""
    await stream.head()
    if stream.method == "HEAD":
        return await stream.end()
    await stream.write(hello(stream))
    held = b""
    for number in range(15):
        data = held + event(number)
        await stream.write(data[:-4])
        held = data[-4:]
        await asyncio.sleep(2 * PAUSE)
    return await stream.end(held)


async def d7(stream):
    """Compress, and never flush."""
    if b"gzip" not in stream.headers.get(b"accept-encoding", b""):
        return await healthy(stream)
    stream.compress = zlib.compressobj(wbits=31)
    await stream.head(**{"content-encoding": b"gzip"})
    for number in range(EVENTS):
        await stream.write(event(number), flush=False)
        await asyncio.sleep(PAUSE)
    return await stream.end()


async def d9(stream):
    """Give heartbeats an id."""
    await stream.head()
    if stream.method == "HEAD":
        return await stream.end()
    await stream.write(hello(stream))
    for number in range(EVENTS):
        await stream.write(event(number))
        beat = json.dumps({"n": number})
        await stream.write(f"event: heartbeat\nid: beat{number}\ndata: {beat}\n\n".encode())
        await asyncio.sleep(PAUSE)
    return await stream.end()


async def d10(stream):
    """Cut the stream after a second, in the middle of the body."""
    await stream.head()
    if stream.method == "HEAD":
        return await stream.end()
    await stream.write(hello(stream))
    for number in range(10):
        await stream.write(event(number))
        await asyncio.sleep(PAUSE)
    raise ConnectionError("cut on purpose")


async def d11(stream):
    """Give every event the same id."""
    await stream.head()
    if stream.method == "HEAD":
        return await stream.end()
    await stream.write(hello(stream))
    for number in range(EVENTS):
        await stream.write(event(number, ident="7"))
        await asyncio.sleep(PAUSE)
    return await stream.end()


async def d12(stream):
    """Start again for a reader that resumes, once it has read something."""
    cursor = stream.cursor
    if cursor is None or cursor >= EVENTS - 1:
        return await healthy(stream)
    await stream.head()
    return await steady(stream, 0, pause=0)


async def d13(stream):
    """Refuse a cursor that is not its own."""
    if stream.cursor is None and stream.headers.get(b"last-event-id"):
        await stream.head(422, **{"content-type": b"application/json"})
        return await stream.end(b"{}")
    return await healthy(stream)


async def d15(stream):
    """Start over when it is asked for after its end."""
    if stream.cursor is not None and stream.cursor >= EVENTS - 1:
        await stream.head()
        return await steady(stream, 0)
    return await healthy(stream)


async def d16(stream):
    """Send a field that no reader knows."""
    await stream.head()
    if stream.method == "HEAD":
        return await stream.end()
    await stream.write(hello(stream))
    for number in range(EVENTS):
        await stream.write(b"Data: hidden\n" + event(number))
        await asyncio.sleep(PAUSE)
    return await stream.end()


async def d17(stream):
    """Send a header that HTTP/2 forbids."""
    send = stream.send

    async def with_connection(message):
        if message["type"] == "http.response.start":
            message["headers"].append((b"connection", b"keep-alive"))
        await send(message)

    stream.send = with_connection
    await healthy(stream)


async def d18(stream):
    """Allow another origin than the one that asks."""
    send = stream.send

    async def for_another(message):
        for number, (name, _) in enumerate(message.get("headers", ())):
            if name == b"access-control-allow-origin":
                message["headers"][number] = (name, b"https://other.example")
        await send(message)

    stream.send = for_another
    await healthy(stream)


async def d19(stream):
    """Say nothing about caches."""
    send = stream.send

    async def silent(message):
        if "headers" in message:
            message["headers"] = [h for h in message["headers"] if h[0] != b"cache-control"]
        await send(message)

    stream.send = silent
    await healthy(stream)


async def d20(stream):
    """Go on for a minute, whoever listens, and never ask the server."""
    await stream.head()
    if stream.method == "HEAD":
        return await stream.end()
    await stream.write(hello(stream, heartbeat=1))
    for number in range(600):
        with suppress(Exception):
            await stream.write(event(number))
        await asyncio.sleep(PAUSE)
    return await stream.end()


async def d21(stream):
    """Write to all readers in turn, so that one who reads nothing holds up the others."""
    await stream.head()
    if stream.method == "HEAD":
        return await stream.end()
    await stream.write(hello(stream))
    for number in range(200):
        async with stream.turn:
            await stream.write(event(number, size=40_000))
        await asyncio.sleep(PAUSE)
    return await stream.end()


async def d22(stream):
    """Open a stream for HEAD too."""
    await stream.head()
    await steady(stream, 0)


async def options(stream):
    """Answer a preflight."""
    await stream.head(204, **{"content-type": None})
    await stream.end()


FAULTS = {
    "D1": d1,
    "D2": d2,
    "D3": d3,
    "D4": d4,
    "D5": d5,
    "D6": d6,
    "D7": d7,
    "D9": d9,
    "D10": d10,
    "D11": d11,
    "D12": d12,
    "D13": d13,
    "D14": healthy,
    "D15": d15,
    "D16": d16,
    "D17": d17,
    "D18": d18,
    "D19": d19,
    "D20": d20,
    "D21": d21,
    "D22": d22,
    "D23": healthy,
}
"""Each check that one server alone can break, with the stream that breaks it; D8 needs a hop."""


def application():
    """Return the application: streams, and the metrics of each under its own path."""
    registry = CollectorRegistry()
    metrics = SSEMetrics(registry)
    unbounded = CollectorRegistry()
    readers = Counter("sse_readers", "By the reader's own id.", ["reader"], registry=unbounded)
    for number in range(300):
        readers.labels(f"user-{number}").inc()

    turn = asyncio.Lock()

    async def streams(scope, receive, send):
        name = scope["path"].strip("/").split("/")[0]
        stream = Stream(scope, receive, send, name, turn)
        answer = FAULTS.get(name, healthy)
        await (options if scope["method"] == "OPTIONS" else answer)(stream)

    observed = SSEObserveMiddleware(streams, metrics=metrics)
    exposition = metrics_app(metrics)

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        if scope["path"] == "/metrics":
            await exposition(scope, receive, send)
        elif scope["path"] == "/D21":
            # The kernel would take 4 MB before anybody has to wait.
            transport = receive.__self__.transport
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
            await observed(scope, receive, send)
        elif scope["path"] == "/unbounded":
            body = generate_latest(registry) + generate_latest(unbounded)
            plain = [(b"content-type", b"text/plain")]
            await send({"type": "http.response.start", "status": 200, "headers": plain})
            await send({"type": "http.response.body", "body": body})
        else:
            await observed(scope, receive, send)

    return app
