import json

import pytest

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute, current_stream
from sse_observe.metrics import METRICS
from sse_observe.wire import Scanner
from tests.support.asgi import END, body, drive, http_scope, samples, start, value

ROUTE = {"/chat/{id}": StreamRoute(heartbeat_seconds=10, dense_ids=True)}


def saying(say, *bodies):
    """Return an application that says something about its stream before it starts."""

    async def app(scope, receive, send):
        say(current_stream())
        await send(start())
        for data in bodies:
            await send(body(data))
        await send(END)

    return app


def run(metrics, app, cursor=None):
    """Serve one request on the declared route."""
    headers = {"last_event_id": cursor} if cursor else {}
    observed = SSEObserveMiddleware(app, metrics=metrics, routes=ROUTE)
    return drive(observed, http_scope("/chat/7", headers=headers))


def hello(frame):
    """Read the frame as a client does."""
    scanner = Scanner()
    [event] = scanner.feed(frame)
    assert event.type == "sse.hello"
    assert event.last_event_id == ""
    return json.loads(event.data), scanner.retry


def test_hello_tells_what_the_client_needs(metrics):
    """The first frame: what is resumed, how often to expect a sign, how to count, who to tell."""
    metrics.sign_report_tokens_with(lambda *labels: "/".join(labels[:3]))
    frames = []
    run(metrics, saying(lambda s: frames.append(s.hello(stream="a", resumed_from="4-a", lost=2))))

    greeting, retry = hello(frames[0])

    assert greeting.pop("server_time") > 1_700_000_000_000
    assert greeting.pop("bounds") == {
        name: list(METRICS[name].buckets)
        for name in (
            "sse_reconnect_time_seconds",
            "sse_stall_recovery_seconds",
            "sse_event_delay_seconds",
        )
    }
    assert greeting == {
        "stream": "a",
        "resumed_from": "4-a",
        "replayed": 0,
        "lost": 2,
        "heartbeat_seconds": 10,
        "report_token": "/chat/{id}/all/unknown",
    }
    assert 500 <= retry <= 1000


def greeted(metrics, say, cursor=None):
    """Return the greeting of an application that says something first."""
    frames = []

    def speak(stream):
        say(stream)
        frames.append(stream.hello())

    run(metrics, saying(speak), cursor)
    return hello(frames[0])[0]


def test_hello_announces_what_was_said_before(metrics):
    """An application that has counted its loss need not say it twice."""

    def say(stream):
        stream.resume("gap")
        stream.lost(3)
        current_stream().lost(1)
        stream.replayed(5)

    greeting = greeted(metrics, say, cursor="7-abc")

    assert (greeting["lost"], greeting["replayed"]) == (4, 5)
    assert greeting["resumed_from"] == "7-abc"


@pytest.mark.parametrize("outcome", ["unknown_stream", "malformed", None])
def test_hello_resumes_from_no_cursor_that_was_of_no_use(metrics, outcome):
    """A client that reads its own cursor there takes what follows for the rest of its stream."""

    def say(stream):
        if outcome:
            stream.resume(outcome)

    assert greeted(metrics, say, cursor="7-abc")["resumed_from"] is None


def test_a_stop_by_the_user_is_the_applications_to_say(metrics):
    """A stop button may be a request of its own: only the application knows what it stopped."""
    run(metrics, saying(lambda stream: stream.end_reason("cancelled")))

    assert value(metrics, "sse_streams_closed_total", reason="cancelled") == 1


def test_words_about_replay_are_counted_on_the_route(metrics):
    """The application alone knows about its replay."""

    def say(stream):
        stream.resume("gap")
        stream.lost(3)
        stream.duplicated(2)
        stream.replayed(5)
        stream.evicted()
        stream.buffered(40)
        stream.lost(0)

    run(metrics, saying(say))

    names = ("sse_resumes", "sse_message", "sse_dup", "sse_replay")
    assert samples(metrics, *names) == {
        "sse_resumes_total{outcome=gap,route=/chat/{id}}": 1,
        "sse_message_loss_total{route=/chat/{id},seen_by=server}": 3,
        "sse_duplicate_events_total{route=/chat/{id},seen_by=server}": 2,
        "sse_replayed_events_total{route=/chat/{id}}": 5,
        "sse_replay_evicted_events_total{route=/chat/{id}}": 1,
        "sse_replay_buffer_events{route=/chat/{id}}": 40,
    }


def test_replay_metrics_exist_only_where_replay_is_spoken_of(metrics):
    """A route without replay exports no replay series; one with has all of them, at 0."""

    def exported():
        names = {s.name for family in metrics.registry.collect() for s in family.samples}
        return {name for name in names if name.startswith(("sse_resumes", "sse_replay"))}

    run(metrics, saying(lambda stream: stream.hello()))
    assert exported() == set()

    run(metrics, saying(lambda stream: stream.replayed(0)))
    assert exported() == {m.name for m in METRICS.values() if m.source == "replay"}


@pytest.mark.parametrize("where", ["inside", "outside"])
@pytest.mark.parametrize(
    "mistake",
    [
        lambda s: s.lost(-1),
        lambda s: s.replayed(1.5),
        lambda s: s.evicted(True),
        lambda s: s.buffered("3"),
        lambda s: s.resume("fine"),
        lambda s: s.end_reason("completed"),
        lambda s: s.hello(lost=-1),
    ],
)
def test_mistakes_are_told_to_the_caller(metrics, where, mistake):
    """A wrong number is a bug of the application, with or without a middleware."""
    if where == "outside":
        with pytest.raises(ValueError):
            mistake(current_stream())
        return
    with pytest.raises(ValueError):
        run(metrics, saying(mistake))


def test_without_a_middleware_everything_is_harmless():
    """A library can speak of its streams whether anybody listens or not."""
    stream = current_stream()
    for call in (stream.lost, stream.duplicated, stream.replayed, stream.evicted, stream.buffered):
        call(1)
    stream.resume("full")
    stream.polled()
    stream.end_reason("slow_consumer")

    greeting, _ = hello(stream.hello())

    assert (greeting["lost"], greeting["replayed"]) == (1, 1)
    assert greeting["heartbeat_seconds"] is None
    assert greeting["report_token"] is None


def ids(*seqs, epoch="ab"):
    """Return one body per id."""
    return [f"id: {seq}-{epoch}\ndata: x\n\n".encode() for seq in seqs]


def plain(*bodies):
    """Return an application that says nothing."""
    return saying(lambda stream: None, *bodies)


def test_two_registries_keep_their_streams_apart(metrics):
    """Two applications in one process count each on its own."""
    other = SSEMetrics(type(metrics.registry)())
    run(metrics, plain(*ids(0)))
    run(other, plain(*ids(0, 1)))

    assert value(metrics, "sse_events_sent_total") == 1
    assert value(other, "sse_events_sent_total") == 2


def test_a_word_after_a_request_that_was_no_stream_harms_nobody(metrics):
    """A background task may keep what it was given; without a stream there is no route to count."""
    kept = []

    async def app(scope, receive, send):
        kept.append(current_stream())
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    drive(SSEObserveMiddleware(app, metrics=metrics))
    kept[0].buffered(5)
    kept[0].evicted(1)

    assert value(metrics, "sse_replay_evicted_events_total") == 0
