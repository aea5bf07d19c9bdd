import asyncio
import contextlib
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute, current_stream
from sse_observe.errors import SettingsError
from sse_observe.metrics import OTHER
from sse_observe.middleware.cuts import limit_of
from sse_observe.middleware.headers import response_faults
from sse_observe.middleware.server_state import peek
from sse_observe.middleware.tracker import MOST_ROUTES, StreamTracker
from tests.support import strategies
from tests.support.asgi import END, Exchange, body, drive, http_scope, samples, start, value

EVENT = b"data: x\n\n"
DONE = b"event: done\ndata: {}\n\n"


def app_of(*messages, fails=None):
    """Return an application that sends these messages, and may fail after them."""

    async def app(scope, receive, send):
        for message in messages:
            await send(message)
        if fails is not None:
            raise fails

    return app


def streaming(*bodies, end=True, fails=None):
    """Return an application that streams these bodies."""
    return app_of(start(), *map(body, bodies), *([END] if end else []), fails=fails)


def ends(metrics):
    """Return how streams were closed: reason -> count; opened and open now must fit."""
    found = {
        key.split("reason=")[1].split(",")[0]: n
        for key, n in samples(metrics, "sse_streams_closed_total").items()
    }
    opened = value(metrics, "sse_streams_opened_total")
    assert value(metrics, "sse_concurrent_streams") == opened - sum(found.values())
    return found


@pytest.fixture
def observe(metrics, clock):
    """Return a function that wraps an application, with metrics and clock of its own."""

    def wrap(app, **options):
        return SSEObserveMiddleware(app, metrics=metrics, clock=clock, **options)

    return wrap


@given(st.data())
def test_bytes_out_are_the_bytes_in(data):
    """Whatever the application sends reaches the server unchanged, and in order."""
    whole = data.draw(strategies.streams())
    sent = [start(), *(body(chunk) for chunk in data.draw(strategies.cuts(whole))), END]
    odd = st.sampled_from([{"type": "http.response.debug", "info": 1}, body(b""), body(None)])
    sent[1:1] = data.draw(st.lists(odd, max_size=2))
    observed = SSEObserveMiddleware(app_of(*sent), metrics=SSEMetrics(CollectorRegistry()))

    received = drive(observed)

    assert len(sent) == len(received)
    assert all(a is b for a, b in zip(sent, received, strict=True))
    assert value(observed.metrics, "sse_sent_bytes_total") == len(whole)
    assert value(observed.metrics, "sse_observer_faults_total") == 0


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
        (streaming(EVENT, end=False, fails=BrokenPipeError()), "client_disconnected"),
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


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), asyncio.CancelledError(), KeyboardInterrupt()]
)
@pytest.mark.parametrize("bodies", [(), (EVENT,)])
def test_exceptions_pass_unchanged(observe, error, bodies):
    """The object that the application raised is the object that the server gets."""

    async def run():
        with pytest.raises(type(error)) as caught:
            await Exchange(observe(streaming(*bodies, end=False, fails=error)), http_scope()).run()
        return caught.value

    assert asyncio.run(run()) is error


def leaving(*before, listens=True, after=(), ends_with=END):
    """Return an application whose client leaves after the first bodies; it may go on sending."""

    async def app(scope, receive, send):
        await send(start())
        for message in map(body, before):
            await send(message)
        scope["leave"]()
        if listens:
            while (await receive())["type"] != "http.disconnect":
                pass
        for message in map(body, after):
            await send(message)
        if ends_with is not None:
            await send(ends_with)

    return app


def run_leaving(app):
    """Drive an application whose client leaves when the application says so."""

    async def run():
        exchange = Exchange(app, http_scope())
        exchange.scope["leave"] = exchange.gone.set
        await exchange.run()

    asyncio.run(run())


@pytest.mark.parametrize("ends_with", [END, None])
def test_client_that_left_is_no_completion(observe, metrics, ends_with):
    """What the application sends after the leaving is not counted, nor is its last message."""
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


class Deaf:
    """What uvicorn keeps beside `receive`."""

    disconnected = False

    async def receive(self):
        """Wait for ever."""
        await asyncio.Event().wait()


@pytest.mark.parametrize(("left", "reason"), [(True, "client_disconnected"), (False, "completed")])
def test_deaf_application_is_seen_through_by_a_look_at_the_server(observe, metrics, left, reason):
    """An application that never calls receive() hides its client's leaving, the server shows it."""
    server = Deaf()

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


def test_deaf_application_that_is_stuck_for_a_lost_client_was_not_shut_down(observe, metrics):
    """On HTTP/2 its send() may never return: the books close on what the server shows."""
    server = Deaf()

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


def test_peek_reads_what_hypercorn_queues_and_knows_when_it_cannot_tell():
    """A disconnect that waits in the queue is seen and stays there."""

    async def run():
        queue = asyncio.Queue()
        before = peek(queue.get)
        queue.put_nowait({"type": "http.disconnect"})
        return before, peek(queue.get), queue.qsize(), peek(len), peek(None)

    assert asyncio.run(run()) == (False, True, 1, None, None)


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
    """What is sent after the end, by whatever orphan task, changes nothing."""
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


@pytest.mark.parametrize(
    ("scope", "app"),
    [
        (http_scope(method="HEAD"), streaming(EVENT)),
        (http_scope(), app_of(start(204), END)),
        (http_scope(), app_of(start(headers=[(b"content-type", b"text/plain")]), END)),
        (http_scope(), app_of(start(headers=[(b"content-type", b"text/event-streams")]), END)),
        (http_scope(), app_of(start(headers=[]), END)),
        (http_scope(), app_of(start(404), END)),
        (http_scope(), app_of(END)),
    ],
)
def test_what_is_no_stream_is_not_counted(observe, metrics, scope, app):
    """HEAD, 204, other types and errors leave every number at 0."""
    before = samples(metrics)

    drive(observe(app), scope)

    assert samples(metrics) == before


@pytest.mark.parametrize(
    "content_type",
    [b"text/event-stream", b"Text/Event-Stream; charset=utf-8", b"text/event-stream ;x"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_stream_is_known_by_its_response_type(observe, metrics, content_type, method):
    """Any method, any case, any parameters."""
    headers = [(b"Content-Type", content_type)]

    drive(observe(app_of(start(headers=headers), END)), http_scope(method=method))

    assert ends(metrics) == {"completed": 1}


@pytest.mark.parametrize(
    ("status", "shown"), [(302, "3xx"), (404, "4xx"), (503, "5xx"), (204, None), (200, None)]
)
def test_refused_stream_is_counted_for_who_asked_for_one(observe, metrics, status, shown):
    """A 404 to an image is nobody's stream; 204 is the orderly end."""
    app = observe(app_of(start(status, [(b"content-type", b"text/html")]), END))
    drive(app, http_scope(headers={"accept": "text/html"}))
    drive(app, http_scope(headers={"accept": "application/json, text/event-stream"}))

    expected = {f"sse_open_rejected_total{{route=other,status={shown}}}": 1} if shown else {}
    assert samples(metrics, "sse_open_rejected") == expected


@pytest.mark.parametrize("answers", [[], [start(500, []), END]])
def test_failure_before_the_first_byte_is_a_refused_stream(observe, metrics, answers):
    """Somebody further out or further in answers 500; the user got no stream, once."""
    with pytest.raises(RuntimeError):
        drive(
            observe(app_of(*answers, fails=RuntimeError())),
            http_scope(headers={"accept": "text/event-stream"}),
        )

    assert samples(metrics, "sse_open_rejected") == {
        "sse_open_rejected_total{route=other,status=5xx}": 1
    }
    assert ends(metrics) == {}


@pytest.mark.parametrize(
    ("scope", "labels"),
    [
        (http_scope(), {"start": "fresh", "network_type": "unknown"}),
        (http_scope(headers={"last_event_id": "4"}), {"start": "resumed"}),
        (http_scope(headers={"last_event_id": ""}), {"start": "fresh"}),
        (http_scope(query="last_event_id=4-ab"), {"start": "resumed"}),
        (http_scope(query="last_event_id="), {"start": "fresh"}),
        (http_scope(query="network_type=2g&x=1"), {"network_type": "2g"}),
        (http_scope(query="network_type=5g"), {"network_type": "unknown"}),
        (http_scope(headers={"ect": "slow-2g"}), {"network_type": "slow-2g"}),
        (http_scope(query="network_type=4g", headers={"ect": "3g"}), {"network_type": "4g"}),
        (http_scope(query="network_type=%ff" + "&a=1" * 500), {"network_type": "unknown"}),
    ],
)
def test_how_a_stream_starts(observe, metrics, scope, labels):
    """Resumed, and on which network: from the request, and only as one of the known words."""
    drive(observe(streaming()), scope)

    assert value(metrics, "sse_streams_opened_total", **labels) == 1
    assert value(metrics, "sse_streams_opened_total") == 1


def test_user_segments_are_the_declared_ones(observe, metrics):
    """What the resolver says beyond the declaration is `other`, a failing resolver too."""
    said = iter(["free", "pro", "hacker", None, RuntimeError()])

    def segment(scope):
        word = next(said)
        if isinstance(word, Exception):
            raise word
        return word

    app = observe(streaming(), segments=("free", "pro"), segment=segment)
    for _ in range(5):
        drive(app)

    counts = {
        s: value(metrics, "sse_streams_opened_total", user_segment=s)
        for s in ("free", "pro", OTHER)
    }
    assert counts == {"free": 1, "pro": 1, OTHER: 3}
    assert value(metrics, "sse_observer_faults_total", where="middleware") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"segments": ("a",)}, "belong together"),
        ({"segment": lambda scope: "a"}, "belong together"),
        ({"segments": "free", "segment": lambda scope: "a"}, "tuple of names"),
        ({"segments": tuple("abcdefghijklmnopqrstuvw"), "segment": len}, "20 are the most"),
        ({"routes": {"chat": StreamRoute()}}, "no path template"),
        ({"routes": {"/chat": {"kind": "finite"}}}, r"give it StreamRoute"),
        ({"default": None}, r"give it StreamRoute"),
    ],
)
def test_wrong_options_are_refused_in_one_line(observe, options, words):
    """A mistake is told at start, not found in the numbers."""
    with pytest.raises(SettingsError, match=words) as caught:
        observe(streaming(), **options)

    assert "\n" not in str(caught.value)


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


FASTAPI = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
SSE_STARLETTE = [
    (b"cache-control", b"no-store"),
    (b"connection", b"keep-alive"),
    (b"x-accel-buffering", b"no"),
    (b"content-type", b"text/event-stream; charset=utf-8"),
]
DJANGO = [(b"Content-Type", b"text/event-stream")]


@pytest.mark.parametrize(
    ("headers", "version", "faults"),
    [
        (FASTAPI, "1.1", []),
        (SSE_STARLETTE, "1.1", []),
        (SSE_STARLETTE, "2", ["connection_header"]),
        (DJANGO, "1.1", ["buffering_allowed", "cacheable"]),
        ([*FASTAPI, (b"Content-Length", b"10")], "1.1", ["content_length"]),
        ([*FASTAPI, (b"content-encoding", b"gzip")], "1.1", ["compressed"]),
        ([*FASTAPI, (b"content-encoding", b"identity")], "1.1", []),
        ([*FASTAPI, (b"connection", b"upgrade")], "1.1", ["connection_header"]),
    ],
)
def test_faults_of_response_headers(headers, version, faults):
    """The header sets that frameworks really send, and what spoils a stream."""
    assert response_faults(headers, version) == faults


def test_response_faults_are_counted_at_the_first_byte(observe, metrics):
    """A stream that never ends has its fault counted too."""
    seen = {}

    async def app(scope, receive, send):
        await send(start(headers=DJANGO))
        seen.update(samples(metrics, "sse_response_faults"))
        await send(END)

    drive(observe(app))

    assert seen == {
        "sse_response_faults_total{fault=buffering_allowed,route=other}": 1,
        "sse_response_faults_total{fault=cacheable,route=other}": 1,
    }


def test_faults_are_read_again_when_an_application_changes_its_headers(observe, metrics):
    """What is remembered of the last response is a copy, lists within lists included."""
    headers = [[b"content-type", b"text/event-stream"], [b"cache-control", b"no-cache"]]
    app = observe(app_of(start(headers=headers), END))
    name = "sse_response_faults_total"

    drive(app)
    headers[1][1] = b"public"
    drive(app)
    drive(app, http_scope(http_version="2"))
    headers.append((b"connection", b"keep-alive"))
    drive(app)
    drive(app, http_scope(http_version="2"))

    assert value(metrics, name, fault="buffering_allowed") == 5
    assert value(metrics, name, fault="cacheable") == 4
    assert value(metrics, name, fault="connection_header") == 1


@pytest.mark.parametrize("read", [iter, tuple])
def test_headers_may_be_any_iterable(observe, metrics, read):
    """The server gets all headers of an iterator that we have read before it."""
    app = observe(app_of(start(headers=read(DJANGO)), END))

    sent = drive(app)

    assert list(sent[0]["headers"]) == DJANGO
    assert ends(metrics) == {"completed": 1}


def test_a_start_may_have_no_headers(observe, metrics):
    """They are optional; such an answer is no stream, and no fault of ours."""
    drive(observe(app_of({"type": "http.response.start", "status": 200}, END)))

    assert ends(metrics) == {}
    assert value(metrics, "sse_observer_faults_total") == 0


def test_two_middlewares_count_once(observe, metrics, caplog):
    """One installed by mistake within the other is told, and silent."""
    app = observe(observe(streaming(EVENT)))
    for _ in range(3):
        drive(app)

    assert ends(metrics) == {"completed": 3}
    assert [r.getMessage() for r in caplog.records].count(caplog.records[0].getMessage()) == 1
    assert "installed twice" in caplog.text


def test_requests_in_one_context_are_not_taken_for_stacked(observe, metrics):
    """Requests served one after the other by one task are two streams."""
    scope = http_scope()

    async def run():
        for _ in range(2):
            await Exchange(app, scope).run()

    app = observe(streaming())
    asyncio.run(run())

    assert ends(metrics) == {"completed": 2}


def open_streams(app, count, work):
    """Hold streams open, do some work, then let them go on."""

    async def run():
        exchanges = [Exchange(app, http_scope()) for _ in range(count)]
        tasks = [asyncio.create_task(exchange.run()) for exchange in exchanges]
        await asyncio.sleep(0.01)
        found = work()
        if asyncio.iscoroutine(found):
            await found
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return exchanges

    return asyncio.run(run())


def holding(*bodies, headers=None):
    """Return an application that sends some bodies and stays."""

    async def app(scope, receive, send):
        await send(start(headers=headers))
        for data in bodies:
            await send(body(data))
        await asyncio.Event().wait()

    return app


def test_tick_sees_silence_and_stall_while_they_last(observe, metrics, clock):
    """A stream that hangs is visible before it ends, and its time counts as stalled."""
    route = StreamRoute(heartbeat_seconds=10, stall_seconds=30)
    app = observe(holding(EVENT), default=route)
    tracker = StreamTracker.of(metrics)
    shown = {}

    def work():
        for seconds, at in ((20, 20), (8, 28), (4, 32), (10, 42)):
            clock.tick(seconds)
            tracker.tick()
            shown[at] = samples(metrics, "sse_silent", "sse_stalled", "sse_stall_d", "sse_stream_s")

    open_streams(app, 2, work)

    silent, stalled = (
        {"sse_silent_streams{route=other}": 2},
        {"sse_stalled_streams{route=other}": 2},
    )
    flowing = "sse_stream_seconds_total{route=other,state=flowing}"
    frozen = "sse_stream_seconds_total{route=other,state=stalled}"
    seen = {"sse_stall_detections_total{route=other,seen_by=server}": 2}
    assert shown == {
        20: {flowing: 40},
        28: {flowing: 56, **silent},
        32: {flowing: 60, frozen: 4, **silent, **stalled, **seen},
        42: {flowing: 60, frozen: 24, **silent, **stalled, **seen},
    }
    assert samples(metrics, "sse_silent", "sse_stalled_", "sse_concurrent") == {}


def test_heartbeat_does_not_hide_a_stall_and_payload_ends_it(observe, metrics, clock):
    """Heartbeats keep the line warm, only payload is progress."""
    tracker = StreamTracker.of(metrics, clock)
    shown = []

    async def app(scope, receive, send):
        await send(start())
        await send(body(EVENT))
        for data, pause in ((b"event: heartbeat\ndata: {}\n\n", 31), (EVENT, 5), (EVENT, 1)):
            clock.tick(pause)
            await send(body(data))
            tracker.tick()
            shown.append(value(metrics, "sse_stalled_streams"))
        await send(END)

    drive(observe(app))

    assert shown == [1, 0, 0]
    assert value(metrics, "sse_stall_detections_total", seen_by="server") == 1
    assert value(metrics, "sse_stream_seconds_total", state="stalled") == 6
    assert value(metrics, "sse_stream_seconds_total", state="flowing") == 31


def test_continuous_routes_do_not_stall(observe, metrics, clock):
    """A feed may have nothing to say for hours."""
    app = observe(holding(EVENT), default=StreamRoute(kind="continuous"))

    def work():
        clock.tick(5000)
        StreamTracker.of(metrics).tick()

    open_streams(app, 1, work)

    assert value(metrics, "sse_stall_detections_total") == 0
    assert value(metrics, "sse_stream_seconds_total", state="flowing") == 5000


def test_shutdown_closes_and_counts_every_stream(observe, metrics):
    """At the end of the life cycle nothing of ours may run again, so everything is settled."""
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


def test_background_task_after_the_last_message_keeps_no_stream_open(observe, metrics, clock):
    """A stream whose last message was accepted is over, whatever the application still does."""
    tracker = StreamTracker.of(metrics, clock)

    async def app(scope, receive, send):
        await send(start())
        await send(END)
        clock.tick(0.5)
        tracker.tick()
        assert ends(metrics) == {}
        clock.tick(0.5)
        tracker.tick()
        assert ends(metrics) == {"completed": 1}
        clock.tick(100)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        drive(observe(app))

    assert ends(metrics) == {"completed": 1}
    assert value(metrics, "sse_stream_duration_seconds_sum") == 0


def test_tick_runs_by_itself_and_ends_with_the_last_stream(metrics, monkeypatch):
    """The timer starts with the first stream and leaves nothing on the loop after the last."""
    monkeypatch.setattr("sse_observe.middleware.tick.TICK_SECONDS", 0.01)
    app = SSEObserveMiddleware(holding(EVENT), metrics=metrics)
    tracker = StreamTracker.of(metrics)
    written = []

    async def work():
        await asyncio.sleep(0.05)
        # Read without the flush that a scrape does: only the tick can have written this.
        written.append(metrics.counter("sse_sent_bytes_total", "other")._value.get())

    async def run():
        task = asyncio.create_task(Exchange(app, http_scope()).run())
        await asyncio.sleep(0.01)
        await work()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.05)
        return tracker._tick.is_running

    assert not asyncio.run(run())
    assert written == [len(EVENT)]


def test_blocked_send_is_sampled(observe, metrics, clock):
    """Time spent waiting for the server to take bytes shows while it lasts."""
    tracker = StreamTracker.of(metrics, clock)

    async def run():
        exchange = Exchange(observe(streaming(EVENT)), http_scope())
        release = asyncio.Event()
        exchange.on_send = lambda m: release.wait() if m.get("body") else None
        task = asyncio.create_task(exchange.run())
        await asyncio.sleep(0.01)
        for _ in range(4):
            clock.tick(1)
            tracker.tick()
        release.set()
        await task
        clock.tick(1)
        tracker.tick()

    asyncio.run(run())

    assert value(metrics, "sse_send_blocked_seconds_total") == 4


def test_blocked_send_is_sampled_where_the_servers_awaitable_tells_nothing(observe, metrics, clock):
    """Servers in Rust hand out awaitables that cannot be asked; their time counts once as well."""
    tracker = StreamTracker.of(metrics, clock)

    class Opaque:
        def __init__(self, message):
            self.message = message

        def __await__(self):
            if self.message.get("body"):
                yield from release.wait().__await__()

    app = observe(streaming(EVENT))

    async def run(blocked):
        nonlocal release
        release = asyncio.Event()
        task = asyncio.create_task(app(http_scope(), Exchange(app, {}).receive, Opaque))
        await asyncio.sleep(0.01)
        for _ in range(blocked):
            clock.tick(1)
            tracker.tick()
        release.set()
        await task

    release = None
    asyncio.run(run(4))
    app.app = app_of(start(204, []), END)
    asyncio.run(run(0))
    app.app = streaming(EVENT, EVENT)
    asyncio.run(run(4))

    assert value(metrics, "sse_send_blocked_seconds_total") == 8
    assert value(metrics, "sse_observer_faults_total") == 0
    assert ends(metrics) == {"completed": 2}


def test_log_line_of_an_abnormal_end(observe, clock, caplog):
    """One line says what an operator needs and nothing that names a user."""

    async def app(scope, receive, send):
        await send(start())
        await send(body(b"id: secret-7\ndata: x\n\n"))
        clock.tick(2.5)
        raise RuntimeError

    scope = http_scope("/chat/alice", query="token=t")
    with caplog.at_level(logging.INFO, "sse_observe"), pytest.raises(RuntimeError):
        drive(observe(app, routes={"/chat/{id}": StreamRoute()}), scope)

    [record] = caplog.records
    assert record.getMessage() == (
        "stream ended route=/chat/{id} reason=server_error age=2.5 silence=2.5 "
        "events=1 bytes=22 suppressed=0"
    )
    assert record.levelno == logging.WARNING
    assert record.sse["reason"] == "server_error"


def test_log_lines_are_few_and_can_be_switched_off(metrics, clock, caplog):
    """A thousand bad ends in one second are ten lines, and the next line counts the rest."""
    app = streaming(EVENT, end=False)
    loud = SSEObserveMiddleware(app, metrics=metrics, clock=clock)
    for _ in range(30):
        drive(loud)
    assert len(caplog.records) == 10
    clock.tick(1)
    drive(loud)
    assert "suppressed=20" in caplog.records[-1].getMessage()

    caplog.clear()
    quiet = SSEObserveMiddleware(
        app, metrics=SSEMetrics(CollectorRegistry()), clock=clock, log_ends=False
    )
    drive(quiet)
    assert not caplog.records


def test_routes_without_end_become_other(observe, metrics):
    """However many templates an application makes up, the label stays bounded."""

    class Route:
        def __init__(self, path):
            self.path = path

    app = observe(streaming())
    for n in range(MOST_ROUTES + 30):
        drive(app, http_scope("/x", route=Route(f"/made/up/{n}")))

    labels = {k.split("route=")[1].split(",")[0] for k in samples(metrics, "sse_streams_closed")}
    assert len(labels) == MOST_ROUTES + 1
    assert value(metrics, "sse_streams_closed_total", route=OTHER) == 30


@pytest.mark.parametrize(
    ("seconds", "limit"),
    [
        (9.4, OTHER),
        (10, "10"),
        (30.2, "30"),
        (60.9, "60"),
        (301.5, "300"),
        (3650, "3600"),
        (5000, OTHER),
    ],
)
def test_cuts_are_named_by_the_limit_they_sit_at(seconds, limit):
    """A proxy cuts at its limit or a little later."""
    assert limit_of(seconds) == limit
