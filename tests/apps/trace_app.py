"""Streams of a traced service: every request has a span around it, as instrumentations make it."""

import asyncio
from urllib.parse import parse_qsl

from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from sse_observe import SSEObserveMiddleware, metrics_app
from tests.support.asgi import END, body, start

# The asking side decides what is recorded; by itself this one records nothing.
trace.set_tracer_provider(TracerProvider(sampler=ParentBased(TraceIdRatioBased(0))))
_tracer = trace.get_tracer(__name__)
_metrics = metrics_app()


async def stream(scope, receive, send):
    """Let a first event wait for as long as the query says."""
    asked = dict(parse_qsl(scope["query_string"].decode()))
    await send(start())
    await asyncio.sleep(float(asked["wait"]))
    await send(body(b"data: x\n\n"))
    await send(END)


_observed = SSEObserveMiddleware(stream)


async def app(scope, receive, send):
    """Serve a stream inside a span, and the metrics outside of one."""
    if scope["type"] == "lifespan":
        await _observed(scope, receive, send)
    elif scope["path"] == "/metrics":
        await _metrics(scope, receive, send)
    else:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        with _tracer.start_as_current_span("stream", context=extract(headers)):
            await _observed(scope, receive, send)
