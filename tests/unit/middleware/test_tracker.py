"""Open streams, looked at once a second."""

import asyncio

import pytest

from sse_observe import SSEObserveMiddleware, StreamRoute
from sse_observe.metrics import OTHER
from sse_observe.middleware.tracker import MOST_ROUTES, StreamTracker
from tests.support.asgi import END, Exchange, body, drive, http_scope, samples, start, value
from tests.support.streaming import EVENT, ends, holding, open_streams, streaming


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

    drive(observe(app, default=StreamRoute(stall_seconds=30)))

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


ROLE = b'data: {"object":"chat.completion.chunk","choices":[{"delta":{"role":"assistant"}}]}\n\n'


@pytest.mark.parametrize(
    ("method", "sent", "empty"),
    [
        # A feed had no news, and its server renews it.
        ("GET", (b": ping\n\n",), 0),
        ("GET", (), 0),
        ("POST", (), 1),
        ("POST", (b": ping\n\n",), 1),
        ("POST", (EVENT,), 0),
        # It says that it is whole, or speaks a protocol of answers.
        ("GET", (b"event: done\ndata:\n\n",), 1),
        ("GET", (ROLE,), 1),
        ("POST", (ROLE, b"data: [DONE]\n\n"), 1),
    ],
)
def test_a_stream_without_content_is_empty_where_it_owes_some(
    observe, metrics, method, sent, empty
):
    """An idle feed that ends in order is no empty answer, whatever its route declares."""
    drive(observe(streaming(*sent)), http_scope(method=method))

    assert value(metrics, "sse_streams_closed_total", reason="completed") == 1
    assert value(metrics, "sse_streams_empty_total") == empty


@pytest.fixture
def ended(observe, metrics, clock):
    """Return a function that lets some streams end in order, and then looks."""
    tracker = StreamTracker.of(metrics, clock)

    def run(number, look=lambda tracker, app: None):
        app = observe(streaming(EVENT))

        async def live():
            for _ in range(number):
                await Exchange(app, http_scope()).run()
            look(tracker, app)
            return len(tracker._streams)

        return asyncio.run(live())

    return run


def test_orderly_ends_wait_for_one_another(ended):
    """Closing many at once costs half; with the thirty-second all are closed."""
    assert ended(31) == 31
    assert ended(1) == 0


def fail(tracker, app):
    """Let one more stream of the same tracker end, by an error."""
    app.app = streaming(EVENT, fails=KeyError())
    with pytest.raises(KeyError):
        Exchange(app, http_scope()).run().send(None)


@pytest.mark.parametrize(
    "look",
    [
        lambda tracker, app: value(tracker.metrics, "sse_concurrent_streams"),
        lambda tracker, app: tracker.tick(),
        lambda tracker, app: app._shut_down(),
        fail,
    ],
    ids=["scrape", "tick", "shutdown", "an end that cannot wait"],
)
def test_whatever_looks_sees_all_ends(ended, metrics, look):
    """Nobody is told that a stream is open which is over, nor that it was shut down."""
    assert ended(5, look) == 0
    found = ends(metrics)
    assert found.pop("server_error", 0) == (look is fail)
    assert found == {"completed": 5}


def test_a_stream_that_waits_to_be_closed_grows_no_older(ended, metrics, clock):
    """It ended when its last message was taken, not when somebody looked."""

    def look(tracker, app):
        clock.tick(100)
        tracker.tick()

    ended(3, look)

    assert value(metrics, "sse_stream_duration_seconds_count") == 3
    assert value(metrics, "sse_stream_duration_seconds_sum") == 0
    assert value(metrics, "sse_stream_seconds_total") == 0


def test_one_stream_that_cannot_be_closed_loses_no_other(ended, metrics, monkeypatch):
    """An error of ours is counted, and the next one is closed."""
    original = SSEObserveMiddleware.ended
    failed = []

    def once(app, stream, scope):
        if not failed:
            failed.append(stream)
            raise RuntimeError
        original(app, stream, scope)

    monkeypatch.setattr(SSEObserveMiddleware, "ended", once)

    assert ended(3, lambda tracker, app: tracker.tick()) == 1
    assert value(metrics, "sse_observer_faults_total", where="middleware") == 1
    assert ends(metrics) == {"completed": 2}
