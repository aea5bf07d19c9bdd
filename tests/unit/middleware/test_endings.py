"""How a stream ended, by what its application, its client and its server showed."""

import asyncio
import contextlib
from functools import partial

import pytest

from sse_observe import StreamRoute, current_stream
from tests.support.asgi import END, Exchange, body, drive, http_scope, samples, start, value
from tests.support.streaming import (
    DONE,
    EVENT,
    app_of,
    ends,
    holding,
    leaving,
    open_streams,
    run_leaving,
    streaming,
)


class SendOnly:
    """The state that uvicorn keeps beside `receive`."""

    disconnected = False

    async def receive(self):
        """Wait for ever."""
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("app", "reason"),
    [
        (streaming(EVENT, DONE), "completed"),
        (streaming(EVENT, b"data: [DONE]\n\n"), "completed"),
        (streaming(EVENT), "completed"),
        (streaming(), "completed"),
        (streaming(EVENT, end=False), "server_error"),
        (streaming(EVENT, DONE, end=False), "completed"),
        (streaming(EVENT, end=False, fails=RuntimeError("x")), "server_error"),
        (streaming(EVENT, fails=RuntimeError("x")), "server_error"),
        (streaming(EVENT, DONE, fails=RuntimeError("x")), "completed"),
        (streaming(EVENT, end=False, fails=BrokenPipeError()), "server_error"),
        (streaming(EVENT, fails=BrokenPipeError()), "server_error"),
        (streaming(EVENT, end=False, fails=ExceptionGroup("g", [ValueError()])), "server_error"),
        (streaming(EVENT, end=False, fails=asyncio.CancelledError()), "shutdown"),
        (streaming(EVENT, fails=asyncio.CancelledError()), "completed"),
        (app_of(start(), {**END, "body": EVENT}), "completed"),
    ],
)
def test_reason_by_how_the_application_ends(observe, metrics, app, reason):
    """Completed means that the last message was accepted, and nothing failed after it."""
    with contextlib.suppress(BaseException):
        drive(observe(app))

    assert ends(metrics) == {reason: 1}
    assert value(metrics, "sse_orphaned_streams") == 0


@pytest.mark.parametrize("ends_with", [END, None])
def test_client_that_left_is_no_completion(observe, metrics, ends_with):
    """Messages after the client has left are not counted, nor is the last one."""
    run_leaving(observe(leaving(EVENT, after=[EVENT, DONE], ends_with=ends_with)))

    assert ends(metrics) == {"client_disconnected": 1}
    assert value(metrics, "sse_events_sent_total") == 1
    assert value(metrics, "sse_orphaned_streams") == 0


def test_client_that_leaves_after_the_terminal_event_has_it_all(observe, metrics):
    """A browser closes as soon as it reads `done`; that is a success."""
    run_leaving(observe(leaving(EVENT, DONE)))

    assert ends(metrics) == {"completed": 1}


def test_stream_ends_when_its_client_leaves_not_when_the_application_notices(
    observe, metrics, clock
):
    """An application that goes on for nobody is an orphan, not an open stream."""
    seen = {}

    async def app(scope, receive, send):
        await send(start())
        clock.tick(31)
        scope["leave"]()
        while (await receive())["type"] != "http.disconnect":
            pass
        clock.tick(500)
        seen.update(samples(metrics, "sse_concurrent", "sse_orphaned", "sse_cuts"))

    run_leaving(observe(app))

    assert seen == {
        "sse_orphaned_streams{route=other}": 1,
        "sse_cuts_total{limit=30,route=other,since=open}": 1,
        "sse_cuts_total{limit=30,route=other,since=write}": 1,
    }
    assert value(metrics, "sse_orphaned_streams") == 0
    assert value(metrics, "sse_stream_duration_seconds_sum") == 31


@pytest.mark.parametrize(("left", "reason"), [(True, "client_disconnected"), (False, "completed")])
def test_leaving_a_send_only_application_is_seen_at_the_server(observe, metrics, left, reason):
    """An application that never calls receive() hides its client's leaving, the server shows it."""
    server = SendOnly()

    async def app(scope, receive, send):
        await send(start())
        server.disconnected = left
        await send(END)

    async def run():
        exchange = Exchange(observe(app), http_scope())
        exchange.receive = server.receive
        await exchange.app(exchange.scope, server.receive, exchange.send)

    asyncio.run(run())

    assert ends(metrics) == {reason: 1}


def test_send_only_application_that_is_stuck_for_a_lost_client_was_not_shut_down(observe, metrics):
    """On HTTP/2 its send() may never return: it ends as the server shows."""
    server = SendOnly()

    async def stuck(scope, receive, send):
        await send(start())
        server.disconnected = True
        await asyncio.Event().wait()

    async def lifespan(scope, receive, send):
        await receive()

    async def shutdown():
        return {"type": "lifespan.shutdown"}

    async def run():
        app = observe(stuck)
        task = asyncio.create_task(app(http_scope(), server.receive, Exchange(None, {}).send))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        app.app = lifespan
        await app({"type": "lifespan"}, shutdown, None)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())

    assert ends(metrics) == {"client_disconnected": 1}


def test_disconnect_while_the_last_message_waits_is_decided_by_it(observe, metrics):
    """If the send returns the client had it all; if it is torn down the client left."""

    async def run(outcome):
        exchange = Exchange(observe(app), http_scope())
        release = asyncio.Event()
        exchange.on_send = lambda m: release.wait() if m is END else None
        task = asyncio.create_task(exchange.run())
        await asyncio.sleep(0.01)
        exchange.gone.set()
        await asyncio.sleep(0.01)
        task.cancel() if outcome == "torn" else release.set()
        await asyncio.gather(task, return_exceptions=True)

    async def app(scope, receive, send):
        async def listen():
            while (await receive())["type"] != "http.disconnect":
                pass

        listener = asyncio.create_task(listen())
        await send(start())
        await send(END)
        await listener

    asyncio.run(run("returns"))
    assert ends(metrics) == {"completed": 1}

    asyncio.run(run("torn"))
    assert ends(metrics) == {"completed": 1, "client_disconnected": 1}


def test_end_is_decided_once(observe, metrics):
    """A message after the end, by whatever orphan task, changes nothing."""
    kept = []

    async def app(scope, receive, send):
        kept.extend([send, receive])
        await send(start())
        await send(body(EVENT))
        raise RuntimeError

    exchange = Exchange(observe(app), http_scope())

    async def run():
        with pytest.raises(RuntimeError):
            await exchange.run()
        await kept[0](body(EVENT))
        await kept[0](END)
        await kept[0](start())
        exchange.gone.set()
        await kept[1]()
        assert (await kept[1]())["type"] == "http.disconnect"

    asyncio.run(run())

    assert ends(metrics) == {"server_error": 1}
    assert value(metrics, "sse_sent_bytes_total") == len(EVENT)
    assert len(exchange.sent) == 5


def test_demanded_terminal_event(observe, metrics):
    """A route that says how it ends is in error when it ends otherwise."""
    routes = {"/s": StreamRoute(terminal_events=("end",))}
    drive(observe(streaming(EVENT, b"event: end\ndata: x\n\n"), routes=routes))
    assert ends(metrics) == {"completed": 1}

    drive(observe(streaming(EVENT, DONE), routes=routes))
    assert ends(metrics) == {"completed": 1, "server_error": 1}


@pytest.mark.parametrize(
    ("bodies", "resumed", "reason"),
    [
        ((DONE,), True, "already_complete"),
        ((b"event: sse.hello\ndata: {}\n\n", b": x\n\n", DONE), True, "already_complete"),
        ((EVENT, DONE), True, "completed"),
        ((DONE,), False, "completed"),
        ((), True, "completed"),
    ],
)
def test_stream_completed_again_is_told_apart(observe, metrics, bodies, resumed, reason):
    """A client that comes back after the end must not count as a second success."""
    scope = http_scope(headers={"last_event_id": "9"}) if resumed else http_scope()

    drive(observe(streaming(*bodies)), scope)

    assert ends(metrics) == {reason: 1}


@pytest.mark.parametrize(("bodies", "reason"), [((EVENT,), "polled"), ((EVENT, DONE), "completed")])
def test_poll_is_no_stream_that_was_cut(observe, metrics, bodies, reason):
    """A poll opens as resumed, ends as polled, and may carry a content length."""

    async def app(scope, receive, send):
        current_stream().polled()
        headers = [(b"content-type", b"text/event-stream"), (b"content-length", b"9")]
        await send(start(headers=headers))
        await send({**END, "body": b"".join(bodies)})

    drive(observe(app))

    assert ends(metrics) == {reason: 1}
    assert value(metrics, "sse_streams_opened_total", start="resumed") == 1
    assert value(metrics, "sse_response_faults_total") == 0


def test_slow_consumer_is_the_applications_word(observe, metrics):
    """Only the application knows that it gave up on a reader."""

    async def app(scope, receive, send):
        await send(start())
        current_stream().end_reason("slow_consumer")
        raise TimeoutError

    with pytest.raises(TimeoutError):
        drive(observe(app))

    assert ends(metrics) == {"slow_consumer": 1}


@pytest.mark.parametrize(
    ("kind", "event", "reason"),
    [
        ("continuous", b"data: x\n\n", "rotated"),
        ("finite", b"id: 7-k3x9\ndata: x\n\n", "rotated"),
        # Its client begins anew: as one stream that ended, and another.
        ("finite", b"data: x\n\n", "completed"),
    ],
)
def test_a_feed_that_is_renewed_has_neither_completed_nor_failed(
    observe, metrics, kind, event, reason
):
    """The server renews it on purpose; where nothing joins both connections, it has ended."""

    async def app(scope, receive, send):
        current_stream().end_reason("rotated")
        for message in (start(), body(event), END):
            await send(message)

    drive(observe(app, default=StreamRoute(kind=kind)))

    assert ends(metrics) == {reason: 1}
    assert value(metrics, "sse_streams_failed_total") == 0


def test_shutdown_closes_and_counts_every_stream(observe, metrics):
    """At the end of the life cycle nothing of ours may run again, so everything is counted."""
    app = observe(holding(EVENT))

    async def shut_down():
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive():
            return next(messages)

        seen = []

        async def lifespan(scope, receive, send):
            seen.extend([await receive(), await receive()])

        app.app, streams = lifespan, app.app
        await app({"type": "lifespan"}, receive, None)
        app.app = streams
        assert [m["type"] for m in seen] == ["lifespan.startup", "lifespan.shutdown"]
        assert ends(metrics) == {"shutdown": 3}

    open_streams(app, 3, shut_down)

    assert ends(metrics) == {"shutdown": 3}
    assert value(metrics, "sse_orphaned_streams") == 0


KINDS = [
    TimeoutError(),
    ConnectionRefusedError(),
    ConnectionResetError("upstream"),
    BrokenPipeError(),
    FileNotFoundError("prompt.txt"),
    OSError(113, "no route to host"),
]


@pytest.mark.parametrize("error", KINDS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("grouped", [False, True])
def test_an_error_of_the_application_is_its_own_of_whatever_class(observe, metrics, error, grouped):
    """An upstream that is lost is no client that left."""
    fails = ExceptionGroup("of a task group", [error]) if grouped else error
    with contextlib.suppress(BaseException):
        drive(observe(streaming(EVENT, end=False, fails=fails)))

    assert ends(metrics) == {"server_error": 1}


class Raising:
    """A server whose `send` raises once the client is gone, as ASGI 2.4 has it."""

    async def send(self, message):
        if message.get("body") == b"data: to nobody\n\n":
            raise BrokenPipeError

    async def __call__(self, message):
        await self.send(message)

    def hand_on(self, message):
        return self.send(message)

    async def opaque(self, message):
        return await Awaitable(self.send(message))


class Awaitable:
    """An awaitable that is no coroutine."""

    def __init__(self, inner):
        self.inner = inner

    def __await__(self):
        return self.inner.__await__()


SENDS = {
    "a method": lambda server: server.send,
    "a partial of one": lambda server: partial(partial(server.send)),
    "an object": lambda server: server,
    "a function that hands on": lambda server: server.hand_on,
    "no coroutine": lambda server: lambda message: Awaitable(server.send(message)),
}


async def as_it_comes(send, message):
    await send(message)


async def in_a_group(send, message):
    async with asyncio.TaskGroup() as group:
        group.create_task(
            send(message) if asyncio.iscoroutine(send) else as_it_comes(send, message)
        )


async def as_something_else(send, message):
    try:
        await send(message)
    except OSError as error:
        raise RuntimeError("the client has disconnected") from error


async def while_cleaning_up(send, message):
    try:
        await send(message)
    finally:
        raise FileNotFoundError("of a lock that was gone")


@pytest.mark.parametrize("send", SENDS)
@pytest.mark.parametrize("way", [as_it_comes, in_a_group, as_something_else, while_cleaning_up])
def test_an_error_out_of_the_servers_send_is_the_client(observe, metrics, send, way):
    """However the application hands it on, and whatever kind of `send` the server has."""

    async def app(scope, receive, send):
        await send(start())
        await send(body(EVENT))
        await way(send, body(b"data: to nobody\n\n"))

    async def run():
        exchange = Exchange(None, http_scope())
        with contextlib.suppress(Exception):
            await observe(app)(http_scope(), exchange.receive, SENDS[send](Raising()))

    asyncio.run(run())

    assert ends(metrics) == {"client_disconnected": 1}


def test_a_failure_between_two_sends_is_no_clients(observe, metrics):
    """An error that was raised while nothing was being sent has no frame of `send` in it."""

    async def app(scope, receive, send):
        await send(start())
        await send(body(EVENT))
        try:
            raise ConnectionResetError("upstream")
        except OSError as error:
            raise TimeoutError("gave up") from error

    async def run():
        with contextlib.suppress(Exception):
            await observe(app)(http_scope(), Exchange(None, {}).receive, Raising())

    asyncio.run(run())

    assert ends(metrics) == {"server_error": 1}


FAILED = b'data: {"error":{"type":"overloaded","message":"m"}}\n\n'


@pytest.mark.parametrize(
    "app",
    [
        streaming(FAILED),
        streaming(FAILED, b"data: [DONE]\n\n"),
        streaming(FAILED, end=False),
        streaming(FAILED, end=False, fails=RuntimeError("x")),
        streaming(FAILED, fails=RuntimeError("x")),
        streaming(FAILED, end=False, fails=asyncio.CancelledError()),
        app_of(start(), {**END, "body": FAILED}),
    ],
)
def test_a_failure_that_the_stream_states_is_sticky(observe, metrics, app):
    """No later end makes it anything else."""
    with contextlib.suppress(BaseException):
        drive(observe(app))

    assert ends(metrics) == {"error_event": 1}


@pytest.mark.parametrize("listens", [True, False])
@pytest.mark.parametrize("ends_with", [END, None])
def test_a_client_that_hangs_up_on_a_failure_has_read_it(observe, metrics, listens, ends_with):
    """As the vendors' own clients do, before the server ends."""
    server = SendOnly()

    async def app(scope, receive, send):
        await send(start())
        await send(body(FAILED))
        server.disconnected = True
        if ends_with is not None:
            await send(ends_with)

    if listens:
        run_leaving(observe(leaving(FAILED, ends_with=ends_with)))
    else:
        exchange = Exchange(None, http_scope())
        asyncio.run(observe(app)(exchange.scope, server.receive, exchange.send))

    assert ends(metrics) == {"error_event": 1}


def test_what_is_sent_with_the_last_message_to_nobody_was_not_said(observe, metrics):
    """The server knows that the client is gone before the terminal is handed to it."""
    server = SendOnly()

    async def app(scope, receive, send):
        await send(start())
        await send(body(EVENT))
        server.disconnected = True
        await send({**END, "body": DONE})

    exchange = Exchange(None, http_scope())
    asyncio.run(observe(app)(exchange.scope, server.receive, exchange.send))

    assert ends(metrics) == {"client_disconnected": 1}
    assert value(metrics, "sse_events_sent_total") == 1


@pytest.mark.parametrize(("last", "reason"), [(DONE, "completed"), (FAILED, "error_event")])
def test_who_has_said_its_end_is_not_cut_by_a_shutdown(observe, metrics, last, reason):
    """An application that still runs then is a task in the background."""
    app = observe(holding(EVENT if last is DONE else b": hi\n\n", last))

    async def shut_down():
        async def lifespan(scope, receive, send):
            await receive()

        async def receive():
            return {"type": "lifespan.shutdown"}

        app.app, streams = lifespan, app.app
        await app({"type": "lifespan"}, receive, None)
        app.app = streams

    open_streams(app, 1, shut_down)

    assert ends(metrics) == {reason: 1}


def test_the_applications_word_goes_before_all(observe, metrics):
    """Only it knows that its user pressed stop."""

    async def app(scope, receive, send):
        await send(start())
        await send(body(EVENT))
        current_stream().end_reason("cancelled")
        await send(END)

    drive(observe(app))

    assert ends(metrics) == {"cancelled": 1}


def test_a_terminal_is_demanded_once_a_stream_has_sent_one(observe, metrics):
    """Not before: an application may speak a protocol in its own way."""
    chunk = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
    app = observe(lambda scope, receive, send: scope["app"](scope, receive, send))
    for bodies in ((chunk,), (chunk, b"data: [DONE]\n\n"), (chunk,), (EVENT,)):
        drive(app, http_scope(app=streaming(*bodies)))

    assert ends(metrics) == {"completed": 3, "server_error": 1}


def test_a_compressed_body_is_judged_by_its_end_alone(observe, metrics, clock):
    """No event is invented, no terminal is missed, no stall is seen that ends."""
    headers = [(b"content-type", b"text/event-stream"), (b"content-encoding", b"gzip")]
    route = StreamRoute(terminal_events=("end",), stall_seconds=5)

    async def app(scope, receive, send):
        await send(start(headers=headers))
        await send(body(b"\x1f\x8b\x08\n\n"))
        clock.tick(9)
        assert value(metrics, "sse_stalled_streams") == 1
        await send(body(b"data: [DONE]\n\n"))
        assert value(metrics, "sse_stalled_streams") == 0
        await send(END)

    drive(observe(app, routes={"/s": route}))

    assert ends(metrics) == {"completed": 1}
    assert value(metrics, "sse_streams_unreadable_total") == 1
    for name in ("sse_events_sent_total", "sse_streams_empty_total", "sse_event_size_bytes_count"):
        assert value(metrics, name) == 0
    assert value(metrics, "sse_time_to_first_event_seconds_count") == 0
    assert value(metrics, "sse_content_gap_seconds_count") == 0
    assert value(metrics, "sse_response_faults_total", fault="compressed") == 1
