"""Spans of consumed streams: below the stream that they are read for, whoever begins first."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, observe_client
from sse_observe.middleware.tracker import StreamTracker
from sse_observe.upstream import spans
from sse_observe.upstream.tracker import UpstreamTracker
from tests.support.asgi import END, Exchange, body, drive, http_scope, start
from tests.support.paths import ROOT
from tests.support.tracing import Traces, events, is_child, seconds, traced
from tests.support.upstreams import ASKS, CHUNK, DONE, FAILURE, STOP, WHOLE, Body, answer, value

URL = "http://model/v1/chat"
PLAIN = [(b"content-type", b"application/json")]


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traces]:
    """Return what a provider of this test alone has exported."""
    with traced(monkeypatch) as found:
        yield found


def client(metrics: SSEMetrics, found: Body, status: int = 200, **more: Any) -> httpx.Client:
    """Return a client whose streams have spans."""
    transport = httpx.MockTransport(answer(found, status))
    return observe_client(
        httpx.Client(transport=transport), "model", metrics=metrics, spans=True, **more
    )


def read(found: httpx.Client, **more: Any) -> None:
    """Read one stream to its end, whatever that is."""
    with suppress(httpx.HTTPError):
        found.post(URL, json=ASKS, **more)


def ticked(metrics: SSEMetrics) -> None:
    """Let a second pass."""
    StreamTracker.of(metrics).tick()


def test_a_stream_outside_of_any_request_has_a_span_at_once(traces, metrics) -> None:
    """A program that ends with its stream has exported it."""
    read(client(metrics, Body(*WHOLE)))

    span = traces.one("consume")
    assert (span.name, span.kind, span.parent) == ("consume model", SpanKind.CLIENT, None)
    assert list(events(span)) == ["sse.first_content"]
    assert span.attributes == {
        "sse.upstream": "model",
        "sse.outcome": "completed",
        "sse.events": len(WHOLE),
        "sse.bytes": len(b"".join(WHOLE)),
        "sse.protocol": "openai-chat",
    }


@pytest.mark.parametrize(
    ("found", "outcome", "error"),
    [
        (Body(CHUNK, FAILURE), "error_event", "server_error"),
        (Body(CHUNK, error=httpx.ReadTimeout("late")), "timeout", "timeout"),
        (Body(CHUNK, error=httpx.ReadError("cut")), "cut", "cut"),
        (Body(STOP, DONE), "empty", "empty"),
        (Body(b"{}"), "refused_429", "refused_429"),
    ],
)
def test_a_failure_is_an_error(traces, metrics, found, outcome, error) -> None:
    """Its outcome is the word that is counted, and a request that got no stream has one too."""
    read(client(metrics, found, 429 if outcome == "refused_429" else 200))

    span = traces.one("consume")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes["sse.outcome"], span.attributes["error.type"]) == (outcome, error)
    assert value(metrics, "sse_upstream_streams_closed_total", upstream="model", reason=outcome)


def test_a_stream_that_is_given_up_is_no_error(traces, metrics) -> None:
    """Whoever closes it early wants no more of it."""
    with client(metrics, Body(*WHOLE)).stream("POST", URL, json=ASKS) as response:
        next(response.iter_raw())

    span = traces.one("consume")
    assert span.attributes["sse.outcome"] == "abandoned"
    assert span.status.status_code is StatusCode.UNSET


def test_a_stream_that_is_continued_says_so(traces, metrics) -> None:
    """By the header of whoever asks, however it is written; its id is not kept."""
    read(client(metrics, Body(*WHOLE)), headers={"Last-Event-ID": "7-epoch"})

    assert "sse.resume" in events(traces.one("consume"))
    assert "epoch" not in traces.one("consume").to_json()


PROGRAM = """
import asyncio, sys
import httpx
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from sse_observe import observe_client
from tests.support.upstreams import ASKS, WHOLE, Body, answer

transport = httpx.MockTransport(answer(Body(*WHOLE)))
client = observe_client(httpx.AsyncClient(transport=transport), "model", spans=True)
provider = TracerProvider()
exporter = ConsoleSpanExporter(formatter=lambda span: f"{span.name} {span.attributes}\\n")
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)

async def main():
    await client.post("http://model/", json=ASKS)

asyncio.run(main())
"""


def test_a_program_that_ends_with_its_stream_has_told_of_it() -> None:
    """Nothing ticks any more, and the provider is made last."""
    output = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, cwd=ROOT, capture_output=True, text=True
    ).stdout

    assert output.startswith("consume model ")
    assert "'sse.outcome': 'completed'" in output


def asking(found: httpx.Client, order: str) -> Any:
    """Return an application that asks before its response starts, meanwhile, or instead of it."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if order in ("before", "instead"):
            read(found)
        if order == "instead":
            await send(start(200, PLAIN))
            await send(body(b"{}", more=False))
            return
        await send(start())
        if order == "meanwhile":
            read(found)
        await send(body(b"data: x\n\n"))
        await send(END)

    return app


@pytest.mark.parametrize("order", ["before", "meanwhile"])
def test_a_consumed_stream_is_a_child_of_the_served_one(observe, traces, metrics, order) -> None:
    """Also where a gateway has read all of its upstream before it answers itself."""
    found = client(metrics, Body(*WHOLE))
    drive(observe(asking(found, order), spans=True))
    ticked(metrics)

    assert is_child(traces.one("consume"), traces.one("stream"))


@pytest.mark.parametrize(("order", "asked"), [("instead", True), ("before", False)])
def test_without_a_served_span_the_current_one_is_the_parent(
    observe, traces, metrics, order, asked
) -> None:
    """The request became no stream, or nobody asked for spans of those."""
    app = observe(asking(client(metrics, Body(*WHOLE)), order), spans=asked)
    with trace.get_tracer("theirs").start_as_current_span("request"):
        drive(app)
    ticked(metrics)

    assert traces.named("stream") == []
    assert is_child(traces.one("consume"), traces.one("request"))


def test_a_child_waits_no_longer_than_its_request(observe, traces, metrics) -> None:
    """While nobody knows what the request becomes its children are kept; at the end all go."""
    found = client(metrics, Body(*WHOLE))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        read(found)
        ticked(metrics)
        assert traces.named("consume") == []
        assert UpstreamTracker.of(metrics).has_streams()
        StreamTracker.of(metrics).flush(last=True)
        assert len(traces.named("consume")) == 1
        assert not UpstreamTracker.of(metrics).has_streams()
        await send(start(204, []))
        await send(END)

    drive(observe(app, spans=True))


def test_too_many_that_wait_go_as_they_are(observe, traces, metrics, monkeypatch) -> None:
    """A request that asks for ever and never answers fills no memory."""
    monkeypatch.setattr(spans, "_MOST_WAITING", 3)
    found = client(metrics, Body(*WHOLE))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(5):
            read(found)
        ticked(metrics)
        assert len(traces.named("consume")) == 2
        await send(start())
        await send(END)

    drive(observe(app, spans=True))
    ticked(metrics)
    stream = traces.one("stream")
    assert Counter(is_child(one, stream) for one in traces.named("consume")) == {
        True: 3,
        False: 2,
    }


def test_times_are_the_stream_s_own(observe, traces, metrics, clock) -> None:
    """From the request on, and the first content where it came, not where it was counted."""

    class Thinks(Body):
        def __iter__(self) -> Iterator[bytes]:
            clock.tick(2)
            yield CHUNK
            clock.tick(3)
            yield STOP + DONE

    read(client(metrics, Thinks()))

    span = traces.one("consume")
    assert seconds(span) == pytest.approx(5)
    assert events(span) == {"sse.first_content": pytest.approx(2)}


@pytest.mark.parametrize("chosen", ["gen_ai_latest_experimental", "http"])
@pytest.mark.usefixtures("observe")
def test_names_of_generative_ai_are_written_by_the_opt_in_alone(
    traces, metrics, clock, monkeypatch, chosen
) -> None:
    """They stand beside ours, and the first chunk is not the first content."""
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", chosen)

    class Thinks(Body):
        def __iter__(self) -> Iterator[bytes]:
            clock.tick(1)
            yield b'data: {"object":"chat.completion.chunk","choices":[]}\n\n'
            clock.tick(1)
            yield CHUNK + STOP + DONE

    read(client(metrics, Thinks()))

    (span,) = traces.spans()
    found = {name: one for name, one in span.attributes.items() if name.startswith("gen_ai.")}
    if chosen == "http":
        assert (span.name, found) == ("consume model", {})
    else:
        assert span.name == "chat m"
        assert found == {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "m",
            "gen_ai.request.stream": True,
            "gen_ai.response.time_to_first_chunk": pytest.approx(1),
        }
        assert events(span) == {"sse.first_content": pytest.approx(2)}


def test_there_is_no_span_where_nobody_asked_for_one(traces, metrics) -> None:
    """One client may have them, and another none."""
    transport = httpx.MockTransport(answer(Body(*WHOLE)))
    read(observe_client(httpx.Client(transport=transport), "model", metrics=metrics))

    assert traces.spans() == []


def test_a_tracer_that_fails_hurts_no_reader(traces, metrics, monkeypatch) -> None:
    """All is read and counted, and the fault too."""

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("the tracer's own")

    monkeypatch.setattr(trace, "get_tracer", fails)
    response = client(metrics, Body(*WHOLE)).post(URL, json=ASKS)

    assert response.content == b"".join(WHOLE)
    assert value(metrics, "sse_upstream_streams_closed_total", upstream="model", reason="completed")
    assert value(metrics, "sse_observer_faults_total", where="middleware")


SCRIPTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8
)


@settings(max_examples=30)
@given(scripts=SCRIPTS)
def test_random_requests_at_once_keep_their_own_children(scripts) -> None:
    """However they interleave, whatever each asks before and after its response starts."""
    metrics = SSEMetrics(CollectorRegistry())
    found = observe_client(
        httpx.AsyncClient(transport=httpx.MockTransport(answer(Body(*WHOLE)))),
        "model",
        metrics=metrics,
        spans=True,
    )

    async def consume(times: int, pause: int) -> None:
        for _ in range(times):
            async with found.stream("POST", URL, json=ASKS) as response:
                async for _ in response.aiter_raw():
                    for _ in range(pause):
                        await asyncio.sleep(0)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        before, after, pause = scope["script"]
        await consume(before, pause)
        await send(start())
        await asyncio.create_task(consume(after, pause))
        await send(END)

    observed = SSEObserveMiddleware(app, metrics=metrics, spans=True)

    async def main() -> None:
        scopes = (http_scope(f"/{n}", script=script) for n, script in enumerate(scripts))
        await asyncio.gather(*(Exchange(observed, scope).run() for scope in scopes))

    with pytest.MonkeyPatch.context() as patch, traced(patch) as traces:
        asyncio.run(main())
        ticked(metrics)
        children = Counter(one.parent.span_id for one in traces.named("consume"))
        served = sorted(children[one.context.span_id] for one in traces.named("stream"))
        traces_seen = {one.context.trace_id for one in traces.spans()}
    assert served == sorted(before + after for before, after, _ in scripts)
    assert len(traces_seen) == len(scripts)
