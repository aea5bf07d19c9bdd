"""The function between an application and its server's `send`."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware
from sse_observe.middleware.tracker import StreamTracker
from tests.support import strategies
from tests.support.asgi import END, Exchange, body, drive, http_scope, start, value
from tests.support.streaming import EVENT, app_of, ends, streaming


@given(st.data())
def test_bytes_out_are_the_bytes_in(data):
    """Whatever the application sends reaches the server unchanged, and in order."""
    whole = data.draw(strategies.streams())
    sent = [start(), *(body(chunk) for chunk in data.draw(strategies.cuts(whole))), END]
    other = st.sampled_from([{"type": "http.response.debug", "info": 1}, body(b""), body(None)])
    sent[1:1] = data.draw(st.lists(other, max_size=2))
    observed = SSEObserveMiddleware(app_of(*sent), metrics=SSEMetrics(CollectorRegistry()))

    received = drive(observed)

    assert len(sent) == len(received)
    assert all(a is b for a, b in zip(sent, received, strict=True))
    assert value(observed.metrics, "sse_sent_bytes_total") == len(whole)
    assert value(observed.metrics, "sse_observer_faults_total") == 0


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
