"""Everything that is counted goes through the sink protocol, whoever implements it."""

import asyncio

from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute, current_stream
from sse_observe.middleware.tracker import StreamTracker
from tests.support.asgi import END, body, drive, http_scope, start
from tests.support.clock import Clock
from tests.support.recording_sink import RecordingSink
from tests.support.session import EVERYTHING, clients, everything

ROUTES = {"/s": EVERYTHING, "/t/{id}": StreamRoute(dense_ids=True), "/r": StreamRoute()}


async def says_it_all(scope, receive, send):
    """Say everything that an application may say."""
    stream = current_stream()
    stream.resume("gap")
    stream.replayed(3)
    stream.evicted(2)
    stream.buffered(40)
    stream.lost(5)
    stream.duplicated(1)
    await send(start())
    await send(body(b"id: 9-ab\ndata: x\n\n"))
    await send(END)


def lived(metrics: SSEMetrics) -> None:
    """Let everything happen that can happen to a stream."""
    clock = Clock()
    observed = SSEObserveMiddleware(says_it_all, metrics=metrics, clock=clock, routes=ROUTES)

    def wrap(app):
        observed.app = app
        return observed

    asyncio.run(everything(wrap, clock, metrics, clients(metrics)))
    observed.app = says_it_all
    drive(observed, http_scope("/r", headers={"last-event-id": "2-ab"}))
    StreamTracker.of(metrics).flush()


def test_a_recording_sink_sees_what_prometheus_client_sees() -> None:
    """No count takes another way: the same life gives the same samples in both."""
    sink = RecordingSink()
    lived(SSEMetrics(CollectorRegistry(), sink=sink))
    exposed = SSEMetrics(CollectorRegistry())
    lived(exposed)

    expected = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in exposed.registry.collect()
        for sample in family.samples
    }
    found = sink.samples()
    timed = [key for key in expected if key[0] == "sse_start_time_seconds"]
    for key in timed:
        assert found.pop(key) > 0
        del expected[key]
    assert found == expected
    assert sum(value for key, value in found.items() if key[0] == "sse_streams_closed_total") > 10


def test_nothing_reaches_the_registry_where_a_sink_is_given() -> None:
    """Counts that go elsewhere do not also fill prometheus_client."""
    metrics = SSEMetrics(CollectorRegistry(), sink=RecordingSink())
    lived(metrics)

    assert [sample for family in metrics.registry.collect() for sample in family.samples] == []
