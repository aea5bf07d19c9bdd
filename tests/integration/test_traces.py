"""
Spans over real servers: a gateway, its upstreams and their clients, in OpenTelemetry's own parts.

Beside its instrumentation of FastAPI, and with exporters that fail.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import httpx
import pytest
import requests
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware, observe_client
from sse_observe.consumer import StreamFailedError, aiohttp_transport, resume_stream
from sse_observe.middleware.tracker import StreamTracker
from tests.apps.model_apis import model_apis
from tests.support.asgi import END, body, start, value
from tests.support.servers import PATIENCE_SECONDS, RawClient, serve
from tests.support.tracing import Traces, events, is_child, traced
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

EVENT = b"data: x\n\n"
TRACE = "0af7651916cd43dd8448eb211c80319c"
# Nobody here speaks TLS, and to load the authorities takes longer than to read the stream.
UNVERIFIED: Any = {"verify": False}


class Gateway:
    """A gateway that asks its upstream by each client; the path says which, and for what."""

    def __init__(self, upstream: str, metrics: SSEMetrics) -> None:
        self.upstream = upstream
        self.metrics = metrics
        self.app = FastAPI()
        self.app.add_api_route("/{client}/{answer}", self.answer, response_model=None)
        self.app.add_middleware(SSEObserveMiddleware, metrics=metrics, spans=True)

    def observed(self, client: Any, name: str) -> Any:
        """Return a client whose streams have spans."""
        return observe_client(client, name, metrics=self.metrics, spans=True)

    async def answer(self, client: str, answer: str) -> StreamingResponse:
        """Answer by the client that is named; that of OpenAI is asked before the response."""
        pieces = getattr(self, client)(answer)
        if client == "openai":
            await anext(pieces)
        return StreamingResponse(pieces, media_type="text/event-stream")

    async def openai(self, model: str) -> AsyncIterator[bytes]:
        """Ask first, as most gateways do, so as to refuse what the upstream refuses."""
        import openai

        sdk = openai.AsyncOpenAI(
            base_url=f"{self.upstream}/v1",
            api_key="k",
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(**UNVERIFIED),
        )
        async with self.observed(sdk, "openai") as found:
            stream = await found.chat.completions.create(model=model, messages=[], stream=True)
            yield b""
            async for _ in stream:
                yield EVENT

    async def anthropic(self, model: str) -> AsyncIterator[bytes]:
        """Ask in the middle of the answer."""
        import anthropic

        sdk = anthropic.AsyncAnthropic(
            base_url=self.upstream,
            api_key="k",
            max_retries=0,
            http_client=anthropic.DefaultAsyncHttpxClient(**UNVERIFIED),
        )
        question = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "?"}]}
        async with (
            self.observed(sdk, "anthropic") as found,
            found.messages.stream(**question) as stream,
        ):
            async for _ in stream.text_stream:
                yield EVENT

    async def httpx(self, model: str) -> AsyncIterator[bytes]:
        """Ask in a thread, by the client of threads."""

        def read() -> None:
            question = {"model": model, "messages": [], "stream": True}
            url = f"{self.upstream}/v1/chat/completions"
            with (
                self.observed(httpx.Client(**UNVERIFIED), "httpx") as found,
                found.stream("POST", url, json=question) as response,
            ):
                for _ in response.iter_raw():
                    pass

        yield EVENT
        await asyncio.to_thread(read)

    async def aiohttp(self, model: str) -> AsyncIterator[bytes]:
        """Ask in a task."""

        async def read() -> None:
            question = {"model": model, "messages": [], "stream": True}
            url = f"{self.upstream}/v1/chat/completions"
            async with (
                aiohttp.ClientSession() as session,
                self.observed(session, "aiohttp").post(url, json=question) as response,
            ):
                async for _ in response.content:
                    pass

        yield EVENT
        await asyncio.create_task(read())

    async def resume_stream(self, model: str) -> AsyncIterator[bytes]:
        """Ask by our own client."""
        stream = resume_stream(
            f"{self.upstream}/v1/chat/completions",
            json={"model": model, "messages": [], "stream": True},
            transport=self.observed(aiohttp_transport(), "resume_stream"),
            metrics=self.metrics,
        )
        async with stream:
            async for _ in stream:
                yield EVENT


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """Serve the models that are asked."""
    with serve(model_apis()) as url:
        yield url


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traces]:
    """Return what a provider of this test alone has exported."""
    with traced(monkeypatch) as found:
        yield found


def instrumented(gateway: Gateway, traces: Traces, **options: Any) -> FastAPI:
    """Return a gateway that OpenTelemetry instruments too."""
    FastAPIInstrumentor.instrument_app(gateway.app, tracer_provider=traces.provider, **options)
    return gateway.app


def ask(url: str, **headers: str) -> bytes:
    """Read an answer to its end, or as far as it comes."""
    with RawClient(url, headers={"Accept": "text/event-stream", **headers}) as client:
        return client.until_end().body


def ours(traces: Traces) -> list[ReadableSpan]:
    """Return requests and streams; the SDK of Anthropic writes a span of its own."""
    return [one for kind in ("GET", "stream", "consume") for one in traces.named(kind)]


def outcome(span: ReadableSpan) -> object:
    """Return how a stream ended."""
    return (span.attributes or {})["sse.outcome"]


CLIENTS = ("openai", "anthropic", "httpx", "aiohttp", "resume_stream")


@pytest.mark.parametrize("client", CLIENTS)
def test_what_each_client_reads_is_a_child_of_the_stream_that_it_is_read_for(
    upstream: str, traces: Traces, metrics: SSEMetrics, client: str
) -> None:
    """One request, one stream, one consumed stream: in the trace that the asking side began."""
    app = instrumented(Gateway(upstream, metrics), traces, exclude_spans=["send", "receive"])
    with serve(app) as url:
        ask(f"{url}/{client}/whole", Traceparent=f"00-{TRACE}-b7ad6b7169203331-01")
        wait_until(lambda: len(ours(traces)) == 3, "three spans", PATIENCE_SECONDS)

    request, stream = traces.one("GET /{client}/{answer}"), traces.one("stream")
    consumed = traces.one("consume")
    assert stream.name == "stream /{client}/{answer}"
    assert is_child(stream, request)
    assert is_child(consumed, stream)
    assert {format(span.context.trace_id, "032x") for span in traces.spans()} == {TRACE}
    assert outcome(stream) == outcome(consumed) == "completed"
    assert (consumed.attributes or {})["sse.upstream"] == client
    assert list(events(consumed)) == list(events(stream)) == ["sse.first_content"]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_trace_shows_whose_fault_it_was(
    upstream: str, traces: Traces, metrics: SSEMetrics, client: str
) -> None:
    """The consumed stream broke off, and the served one with it: the span says what is counted."""
    with serve(instrumented(Gateway(upstream, metrics), traces)) as url:
        ask(f"{url}/{client}/cut")
        wait_until(lambda: traces.named("stream"), "the stream's span", PATIENCE_SECONDS)

    stream, consumed = traces.one("stream"), traces.one("consume")
    assert outcome(stream) == "server_error"
    assert outcome(consumed) == (consumed.attributes or {})["error.type"] == "cut"
    assert (stream.attributes or {})["sse.cause"] == "upstream"
    assert value(metrics, "sse_streams_failed_total", cause="upstream") == 1
    assert is_child(consumed, stream)


def test_opentelemetry_s_own_spans_of_messages_are_switched_off_where_it_is_set_up(
    upstream: str, traces: Traces, metrics: SSEMetrics
) -> None:
    """By default it writes one for each message; ours is one, with or without them."""
    found = {}
    for excluded in (None, ["send", "receive"]):
        traces.exporter.clear()
        app = instrumented(Gateway(upstream, metrics), traces, exclude_spans=excluded)
        with serve(app) as url:
            answer = ask(f"{url}/openai/whole")
            wait_until(lambda: traces.named("stream"), "the stream's span", PATIENCE_SECONDS)
            wait_until(lambda: traces.named("GET /{client}/{answer}"), "the request's span")
        kinds = Counter(span.name.rpartition(" http ")[2] for span in traces.spans())
        found[bool(excluded)] = kinds["send"], kinds["receive"] > 0
        assert answer.count(EVENT) >= 3
        assert len(traces.named("stream")) == len(traces.named("consume")) == 1

    # The start, each piece, and the end.
    assert found[False][0] >= 5
    assert found[True] == (0, False)


def test_within_our_middleware_its_span_is_the_parent_too(
    traces: Traces, metrics: SSEMetrics
) -> None:
    """The other way round the trace is the same."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(EVENT))
        await send(END)

    inner = OpenTelemetryMiddleware(app, tracer_provider=traces.provider)
    with serve(SSEObserveMiddleware(inner, metrics=metrics, spans=True)) as url:
        ask(f"{url}/feed")
        wait_until(lambda: len(traces.spans()) >= 5, "all spans", PATIENCE_SECONDS)

    assert is_child(traces.one("stream"), traces.named("GET")[-1])
    assert len([span for span in traces.spans() if span.name.endswith(" http send")]) == 3


def test_streams_at_once_each_stay_in_their_own_trace(
    upstream: str, traces: Traces, metrics: SSEMetrics
) -> None:
    """Fifty readers of all clients at once: no trace has another's stream, nor misses its own."""
    app = instrumented(Gateway(upstream, metrics), traces, exclude_spans=["send", "receive"])
    names = [CLIENTS[n % len(CLIENTS)] for n in range(50)]

    async def read(session: aiohttp.ClientSession, url: str, n: int) -> None:
        parent = {"traceparent": f"00-{n + 1:032x}-{n + 1:016x}-01"}
        async with session.get(f"{url}/{names[n]}/whole", headers=parent) as response:
            await response.read()

    async def main(url: str) -> None:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(read(session, url, n) for n in range(len(names))))

    with serve(app) as url:
        asyncio.run(main(url))
        wait_until(lambda: len(ours(traces)) == 3 * len(names), "all spans", PATIENCE_SECONDS)

    for n, name in enumerate(names):
        mine = [span for span in ours(traces) if span.context.trace_id == n + 1]
        request, stream, consumed = (
            next(span for span in mine if span.name.startswith(beginning))
            for beginning in ("GET", "stream", "consume")
        )
        assert is_child(stream, request)
        assert is_child(consumed, stream)
        assert (consumed.attributes or {})["sse.upstream"] == name


def test_a_second_stream_of_a_connection_is_in_no_trace_of_the_first(
    upstream: str, traces: Traces, metrics: SSEMetrics
) -> None:
    """A connection is kept, and its tasks may be; without instrumentation each stream is a root."""
    with serve(Gateway(upstream, metrics).app) as url, requests.Session() as session:
        for _ in range(3):
            session.get(f"{url}/httpx/whole", timeout=PATIENCE_SECONDS)
        wait_until(lambda: len(traces.spans()) == 6, "three pairs", PATIENCE_SECONDS)

    assert [span.parent for span in traces.named("stream")] == [None] * 3
    assert len({span.context.trace_id for span in traces.spans()}) == 3


class Broken:
    """An exporter that fails, or never returns."""

    def __init__(self, *, hangs: bool) -> None:
        self._hangs = hangs
        self.asked = threading.Event()
        self.released = threading.Event()

    def export(self, spans: Any) -> Any:
        """Fail."""
        self.asked.set()
        if self._hangs:
            self.released.wait(PATIENCE_SECONDS)
        raise RuntimeError("the exporter's own")

    def shutdown(self) -> None:
        """Be shut down."""

    def force_flush(self, timeout_millis: int = 0) -> bool:
        """Have nothing to flush."""
        return True


@pytest.mark.parametrize("how", ["fails", "hangs"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_broken_exporter_hurts_no_stream(
    upstream: str, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Bytes are all there, in the usual time, and everything is counted."""
    metrics = SSEMetrics(CollectorRegistry())
    exporter, provider = Broken(hangs=how == "hangs"), TracerProvider()
    wrap = BatchSpanProcessor if how == "hangs" else SimpleSpanProcessor
    options = {"schedule_delay_millis": 10} if how == "hangs" else {}
    provider.add_span_processor(wrap(exporter, **options))  # type: ignore[arg-type]
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)

    with serve(Gateway(upstream, metrics).app) as url:
        ask(f"{url}/httpx/whole")
        assert exporter.asked.wait(PATIENCE_SECONDS)
        began = time.monotonic()
        bodies = [ask(f"{url}/anthropic/whole") for _ in range(5)]
        took = time.monotonic() - began
        wait_until(
            lambda: value(metrics, "sse_streams_closed_total", reason="completed") == 6, "the ends"
        )
    exporter.released.set()
    provider.shutdown()

    assert {one.count(EVENT) for one in bodies} == {3}
    assert took < PATIENCE_SECONDS / 4
    assert value(metrics, "sse_upstream_streams_closed_total", reason="completed") == 6


def test_a_failure_that_our_client_raises_is_in_its_span(
    upstream: str, traces: Traces, metrics: SSEMetrics
) -> None:
    """The reason that is raised is the one that the span has."""

    async def main() -> None:
        transport = observe_client(aiohttp_transport(), "feed", metrics=metrics, spans=True)
        stream = resume_stream(
            f"{upstream}/v1/messages",
            json={"model": "fails"},
            transport=transport,
            metrics=metrics,
        )
        with pytest.raises(StreamFailedError):
            async for _ in stream:
                pass

    asyncio.run(main())
    # Its loop is gone, and nothing else ticks.
    StreamTracker.of(metrics).flush()
    span = traces.one("consume")
    assert outcome(span) == "error_event"
    assert (span.attributes or {})["error.type"] == "overloaded_error"
    assert list(events(span)) == ["sse.first_content", "sse.error_event"]
