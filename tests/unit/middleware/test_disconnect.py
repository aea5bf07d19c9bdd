"""A route with `watch_disconnect` sees clients leave, and loses nothing by it."""

import asyncio

import pytest

from sse_observe import SSEObserveMiddleware, StreamRoute
from tests.support.asgi import END, Exchange, body, http_scope, start, value

PAYLOAD = b"data: x\n\n"


class OneWord(Exchange):
    """A server that says once that the client is gone, as hypercorn does."""

    def __init__(self, app, *messages, **more):
        super().__init__(app, http_scope(**more))
        self.messages = [*messages, {"type": "http.request", "body": b"", "more_body": False}]
        self.readers = 0
        self.over = False

    async def receive(self):
        """Give what was uploaded, then wait for the client to leave."""
        self.readers += 1
        try:
            if self.messages:
                return self.messages.pop(0)
            await self.gone.wait()
            while self.over:
                await asyncio.Event().wait()
            self.over = True
            return {"type": "http.disconnect"}
        finally:
            self.readers -= 1


@pytest.fixture
def observe(metrics):
    """Return a way to observe an application, by default with `watch_disconnect`."""

    def wrap(app, *, watch_disconnect=True):
        return SSEObserveMiddleware(
            app, metrics=metrics, default=StreamRoute(watch_disconnect=watch_disconnect)
        )

    return wrap


async def update_totals():
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


def closed(metrics, reason):
    """Return how many streams ended for a reason."""
    return value(metrics, "sse_streams_closed_total", reason=reason)


@pytest.mark.parametrize(
    ("watch_disconnect", "reason"), [(True, "client_disconnected"), (False, "completed")]
)
def test_a_client_that_left_a_send_only_application_is_noticed(
    observe, metrics, watch_disconnect, reason
):
    """The application goes on and ends in order; only who asked the server knows better."""

    async def app(scope, receive, send):
        await send(start())
        await send(body(PAYLOAD))
        exchange.gone.set()
        await update_totals()
        await send(body(PAYLOAD))
        await send(END)

    exchange = OneWord(observe(app, watch_disconnect=watch_disconnect))
    asyncio.run(exchange.run())

    assert closed(metrics, reason) == value(metrics, "sse_streams_closed_total") == 1
    assert exchange.body == PAYLOAD * 2


def test_a_send_only_application_without_end_is_seen_as_orphaned(observe, metrics):
    """The stream is over when its client leaves, however long the application talks to itself."""

    async def app(scope, receive, send):
        await send(start())
        while True:
            await send(body(PAYLOAD))
            await asyncio.sleep(0)

    async def main():
        exchange = OneWord(observe(app))
        task = asyncio.create_task(exchange.run())
        await update_totals()
        assert value(metrics, "sse_concurrent_streams") == 1
        exchange.gone.set()
        await update_totals()
        assert value(metrics, "sse_concurrent_streams") == 0
        assert value(metrics, "sse_orphaned_streams") == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())

    assert closed(metrics, "client_disconnected") == 1
    assert value(metrics, "sse_orphaned_streams") == 0


def test_nothing_is_taken_from_an_application_that_asks_after_all(observe, metrics):
    """It hears the request, then the leaving as often as it asks, of a server that says it once."""
    got = []

    async def app(scope, receive, send):
        await send(start())
        await send(body(PAYLOAD))
        await update_totals()
        got.append(await receive())
        asyncio.get_running_loop().call_soon(exchange.gone.set)
        # Two at a time, which such a server answers only once.
        got.extend(await asyncio.gather(receive(), receive()))
        got.append(await receive())

    exchange = OneWord(observe(app))
    asyncio.run(asyncio.wait_for(exchange.run(), 30))

    assert [message["type"] for message in got] == ["http.request"] + ["http.disconnect"] * 3
    assert closed(metrics, "client_disconnected") == 1


def test_an_upload_is_read_by_the_application_alone(observe):
    """At most one piece is held for it: a client cannot fill our memory."""
    pieces = [
        {"type": "http.request", "body": b"%d" % number, "more_body": True} for number in range(9)
    ]
    waiting, got = [], []

    async def app(scope, receive, send):
        await send(start())
        await update_totals()
        waiting.append(len(exchange.messages))
        more = True
        while more:
            message = await receive()
            got.append(message["body"])
            more = message["more_body"]
        await send(END)

    exchange = OneWord(observe(app), *pieces, method="POST")
    asyncio.run(exchange.run())

    # Eight pieces and the end of the upload.
    assert waiting == [9]
    assert got == [*(b"%d" % number for number in range(9)), b""]


def test_a_server_that_fails_when_asked_fails_the_application_that_asks(observe, metrics):
    """The watch keeps quiet about it: it asked for itself."""

    async def broken():
        raise ConnectionAbortedError("the server's own")

    async def app(scope, receive, send):
        await send(start())
        await update_totals()
        with pytest.raises(ConnectionAbortedError):
            await receive()
        await send(END)

    exchange = Exchange(None, {})
    asyncio.run(observe(app)(http_scope(), broken, exchange.send))

    assert closed(metrics, "completed") == 1
    assert value(metrics, "sse_observer_faults_total") == 0


def test_no_watch_outlives_its_application(observe, metrics):
    """After the last message a server speaks of the response, and nobody listens."""

    async def app(scope, receive, send):
        await send(start())
        await send(body(PAYLOAD))
        await update_totals()
        assert exchange.readers == 1
        await send(END)

    async def main():
        await exchange.run()
        await update_totals()
        return exchange.readers, len(asyncio.all_tasks())

    exchange = OneWord(observe(app))
    readers, tasks = asyncio.run(main())

    # Ourselves, and the tracker's tick where it runs as a task.
    assert readers == 0
    assert tasks == 1
    assert closed(metrics, "completed") == 1
