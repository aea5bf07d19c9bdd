"""One span per stream: what it says, when it was, and that a tracer which fails costs nothing."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute, current_stream
from sse_observe.errors import SettingsError
from sse_observe.middleware.tracker import StreamTracker
from tests.support.asgi import END, Exchange, body, drive, http_scope, start, value
from tests.support.clock import Clock
from tests.support.tracing import Traces, events, is_child, seconds, traced

EVENT = b"data: x\n\n"
CHUNK = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
ROLE = b'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n'
FAILURE = b'event: error\ndata: {"error":{"type":"overloaded"}}\n\n'


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traces]:
    """Return what a provider of this test alone has exported."""
    with traced(monkeypatch) as found:
        yield found


class Service:
    """A service that plays a scope's script: bytes to send, seconds to wait, errors to raise."""

    def __init__(self, metrics: SSEMetrics, clock: Clock, **options: Any) -> None:
        self.clock = clock
        options = {"spans": True, **options}
        self.app = SSEObserveMiddleware(self._serve, metrics=metrics, clock=clock, **options)

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        for step in scope["script"]:
            if isinstance(step, bytes):
                await send(body(step))
            elif isinstance(step, dict):
                await send(step)
            elif isinstance(step, Exception):
                raise step
            else:
                self.clock.tick(step)

    def stream(self, *script: Any, **more: Any) -> None:
        """Serve one stream, and count its end, which may wait for a tick."""
        try:
            drive(self.app, http_scope(script=script, **more))
        finally:
            StreamTracker.of(self.app.metrics).flush()


@pytest.fixture
def service(metrics: SSEMetrics, clock: Clock) -> Service:
    return Service(metrics, clock, routes={"/s": StreamRoute(first_event_within=1.0)})


def test_a_span_lasts_from_the_request_to_the_end_and_says_what_was_counted(
    traces: Traces, service: Service
) -> None:
    """Times are the stream's own, however late its messages are counted."""
    service.stream(0.25, start(), 0.5, CHUNK, 2, CHUNK, b"data: [DONE]\n\n", END)

    span = traces.one("stream")
    assert (span.name, span.kind) == ("stream /s", SpanKind.INTERNAL)
    assert seconds(span) == pytest.approx(2.75)
    assert events(span) == {"sse.first_content": pytest.approx(0.75)}
    assert span.attributes == {
        "sse.route": "/s",
        "sse.outcome": "completed",
        "sse.verdict": "good",
        "sse.events": 3,
        "sse.bytes": 2 * len(CHUNK) + len(b"data: [DONE]\n\n"),
        "sse.protocol": "openai-chat",
    }
    assert span.status.status_code is StatusCode.UNSET
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "sse_observe"


def test_a_prelude_is_no_first_content(traces: Traces, service: Service) -> None:
    """The user waits on, and the first limit that broke is the span's word."""
    service.stream(start(), ROLE, 3, CHUNK, b"data: [DONE]\n\n", END)

    span = traces.one("stream")
    assert events(span) == {"sse.first_content": pytest.approx(3)}
    assert span.attributes is not None
    assert span.attributes["sse.verdict"] == "late_first_event"
    assert span.attributes["sse.cause"] == "unknown"


def test_a_failure_that_the_stream_states_is_an_event_and_an_error(
    traces: Traces, service: Service
) -> None:
    """Its type is the stream's own word, its cause what was counted."""
    service.stream(start(), EVENT, 1, FAILURE, 1, END)

    span = traces.one("stream")
    assert events(span) == {
        "sse.first_content": pytest.approx(0),
        "sse.error_event": pytest.approx(1),
    }
    assert span.attributes is not None
    assert span.attributes["error.type"] == "overloaded"
    assert span.attributes["sse.outcome"] == span.attributes["sse.verdict"] == "error_event"
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "error_event"


def test_a_failure_after_which_content_came_is_none(traces: Traces, service: Service) -> None:
    """The last word counts, in a trace as well."""
    service.stream(start(), EVENT, FAILURE, EVENT, END)

    span = traces.one("stream")
    assert list(events(span)) == ["sse.first_content"]
    assert span.attributes is not None
    assert span.attributes["sse.outcome"] == "completed"
    assert "error.type" not in span.attributes


def test_an_application_that_fails_is_the_cause(traces: Traces, service: Service) -> None:
    """The error itself is not written down: it may hold anything."""
    with pytest.raises(KeyError):
        service.stream(start(), EVENT, KeyError("secret"))

    span = traces.one("stream")
    assert span.attributes is not None
    assert span.attributes["sse.cause"] == "application"
    assert span.attributes["error.type"] == "server_error"
    assert "secret" not in span.to_json()


def test_a_resumed_stream_says_so(traces: Traces, service: Service) -> None:
    """Neither the id that was asked for nor any other is in it."""
    service.stream(1, start(), EVENT, END, headers={"last-event-id": "7-epoch"})

    span = traces.one("stream")
    assert events(span)["sse.resume"] == pytest.approx(1)
    assert "epoch" not in span.to_json()


def test_a_client_that_may_come_back_has_no_cause_yet(
    traces: Traces, metrics: SSEMetrics, clock: Clock
) -> None:
    """The span waits for nobody; a wrong cause would be worse than none."""

    async def leaves(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"id: 1-epoch\ndata: x\n\n"))
        scope["leave"]()
        while (await receive())["type"] != "http.disconnect":
            pass

    async def main() -> None:
        app = SSEObserveMiddleware(leaves, metrics=metrics, clock=clock, spans=True)
        exchange = Exchange(app, http_scope())
        exchange.scope["leave"] = exchange.gone.set
        await exchange.run()

    asyncio.run(main())
    span = traces.one("stream")
    assert span.attributes is not None
    assert span.attributes["sse.outcome"] == "client_disconnected"
    assert "sse.cause" not in span.attributes
    assert "sse.verdict" not in span.attributes


def test_the_span_around_the_request_is_the_parent_and_stays_the_current_one(
    traces: Traces, metrics: SSEMetrics
) -> None:
    """Streams at once each keep their own trace; none sees another's, nor ours."""
    tracer = trace.get_tracer("theirs")
    seen: dict[str, set[Any]] = {}

    async def interleaved(scope: Any, receive: Any, send: Any) -> None:
        found = seen.setdefault(scope["path"], set())
        await send(start())
        for _ in range(5):
            await send(body(EVENT))
            found.add(trace.get_current_span().get_span_context().span_id)
            await asyncio.sleep(0)
        await send(END)
        found.add(trace.get_current_span().get_span_context().span_id)

    app = SSEObserveMiddleware(interleaved, metrics=metrics, spans=True)

    async def request(path: str) -> None:
        with tracer.start_as_current_span(f"request {path}"):
            await Exchange(app, http_scope(path)).run()

    async def main() -> None:
        await asyncio.gather(*(request(f"/{n}") for n in range(20)))
        assert not trace.get_current_span().get_span_context().is_valid
        value(metrics, "sse_streams_closed_total")

    asyncio.run(main())
    requests = {span.context.span_id: span for span in traces.named("request")}
    streams = traces.named("stream")
    assert len(streams) == len(requests) == 20
    for stream in streams:
        assert stream.parent is not None
        assert is_child(stream, requests.pop(stream.parent.span_id))
    named = {span.name.partition(" ")[2]: span.context.span_id for span in traces.named("request")}
    assert seen == {path: {span_id} for path, span_id in named.items()}


def test_a_trace_that_is_not_sampled_stays_so(
    monkeypatch: pytest.MonkeyPatch, service: Service, metrics: SSEMetrics
) -> None:
    """The sampler is the application's."""
    with traced(monkeypatch, sampler=ParentBased(TraceIdRatioBased(0))) as found:
        service.stream(start(), EVENT, END)

    assert found.spans() == []
    assert value(metrics, "sse_streams_closed_total", reason="completed") == 1


def test_there_is_no_span_where_nobody_asked_for_one(
    traces: Traces, metrics: SSEMetrics, clock: Clock
) -> None:
    """Tracing alone is no wish for more of it."""
    Service(metrics, clock, spans=False).stream(start(), EVENT, END)

    assert traces.spans() == []


def test_what_is_no_stream_has_no_span(traces: Traces, service: Service) -> None:
    """A refusal is the request's own."""
    service.stream(start(503, []), END, headers={"accept": "text/event-stream"})
    service.stream(start(200, [(b"content-type", b"application/json")]), body(b"{}", more=False))

    assert traces.spans() == []


def breaking(at: str) -> SimpleNamespace:
    """Return an OpenTelemetry that fails in one place."""
    reached: list[str] = []

    def part(name: str, result: Any = None) -> Any:
        def call(*_: object, **__: object) -> Any:
            reached.append(name)
            if name == at:
                raise RuntimeError("the tracer's own")
            return result

        return call

    names = ("set_attributes", "add_event", "set_status", "end")
    span = SimpleNamespace(
        is_recording=part("is_recording", result=True), **{name: part(name) for name in names}
    )
    invalid = SimpleNamespace(is_valid=False)
    return SimpleNamespace(
        reached=reached,
        # What exemplars ask for.
        get_current_span=lambda: SimpleNamespace(get_span_context=lambda: invalid),
        get_tracer=part("get_tracer", SimpleNamespace(start_span=part("start_span", span))),
        SpanKind={"INTERNAL": 0},
        StatusCode=SimpleNamespace(ERROR=2),
    )


@pytest.mark.parametrize(
    "at",
    [
        *("get_tracer", "start_span", "is_recording", "set_attributes", "add_event"),
        *("set_status", "end"),
    ],
)
def test_a_tracer_that_fails_hurts_no_stream(
    metrics: SSEMetrics, service: Service, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """The stream is served and counted as ever, and the fault is counted too."""
    broken = breaking(at)
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", broken)
    service.stream(start(), EVENT, FAILURE, END)

    assert at in broken.reached
    assert value(metrics, "sse_streams_closed_total", reason="error_event") == 1
    assert value(metrics, "sse_streams_failed_total") == 1
    assert value(metrics, "sse_observer_faults_total", where="middleware") == 1


@pytest.mark.parametrize("module", [None, SimpleNamespace()], ids=["not loaded", "half loaded"])
def test_without_opentelemetry_there_is_no_span(
    metrics: SSEMetrics, service: Service, monkeypatch: pytest.MonkeyPatch, module: Any
) -> None:
    """Half of it is there while another thread imports it."""
    if module is None:
        monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    else:
        monkeypatch.setitem(sys.modules, "opentelemetry.trace", module)

    service.stream(start(), EVENT, END)

    assert value(metrics, "sse_streams_closed_total", reason="completed") == 1


def test_opentelemetry_is_not_loaded_from_here() -> None:
    """Whoever has none pays nothing for it, with or without the option."""
    program = (
        "import sys, sse_observe\n"
        "sse_observe.SSEObserveMiddleware(lambda *_: None, spans=True)\n"
        "assert 'sse_observe.upstream.spans' not in sys.modules\n"
        "import sse_observe.upstream\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_spans_are_a_switch(metrics: SSEMetrics) -> None:
    """A provider in its place is refused, in one line."""
    with pytest.raises(SettingsError, match="spans='yes' is wrong; give True or False"):
        SSEObserveMiddleware(lambda *_: None, metrics=metrics, spans="yes")  # type: ignore[arg-type]


def test_what_the_application_states_goes_before_what_is_seen(
    traces: Traces, metrics: SSEMetrics, clock: Clock
) -> None:
    """A stop by the user is no failure of the span."""

    async def stopped(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        current_stream().end_reason("cancelled")
        await send(END)

    drive(SSEObserveMiddleware(stopped, metrics=metrics, clock=clock, spans=True))
    StreamTracker.of(metrics).flush()

    span = traces.one("stream")
    assert span.attributes is not None
    assert (span.attributes["sse.outcome"], span.attributes["sse.cause"]) == ("cancelled", "user")
    assert span.status.status_code is StatusCode.UNSET
