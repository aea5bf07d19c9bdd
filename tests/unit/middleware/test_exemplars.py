"""Exemplars: from a bucket of a histogram to the trace of one stream in it."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import generate_latest as plain_text
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute
from sse_observe.middleware.routes import Resolved
from sse_observe.middleware.tracker import StreamTracker
from tests.support.asgi import END, body, drive, http_scope, start, value
from tests.support.clock import Clock

FIRST = "sse_time_to_first_event_seconds"
DURATION = "sse_stream_duration_seconds"


def exemplars(metrics: SSEMetrics, name: str) -> dict[float, str]:
    """Return value and trace of each exemplar of a histogram, as a scraper reads them."""
    text = generate_latest(metrics.registry).decode()
    return {
        sample.exemplar.value: sample.exemplar.labels["trace_id"]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == f"{name}_bucket" and sample.exemplar
    }


def opentelemetry(trace: int, *, valid: bool = True, sampled: bool = True) -> SimpleNamespace:
    """Return what an application that is traced has loaded, as far as it is asked."""
    flags = SimpleNamespace(sampled=sampled)
    context = SimpleNamespace(is_valid=valid, trace_flags=flags, trace_id=trace)
    span = SimpleNamespace(get_span_context=lambda: context)
    return SimpleNamespace(get_current_span=lambda: span)


class Service:
    """A service whose clock is turned by hand: an event after `wait`, the end after `life`."""

    def __init__(self, metrics: SSEMetrics, clock: Clock) -> None:
        self.clock = clock
        self.app = SSEObserveMiddleware(self._serve, metrics=metrics, clock=clock)

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        self.clock.tick(scope["wait"])
        await send(body(b"data: x\n\n"))
        self.clock.tick(scope["life"] - scope["wait"])
        await send(END)

    def stream(self, wait: float, life: float, **more: Any) -> None:
        """Serve one stream to its end."""
        drive(self.app, http_scope(wait=wait, life=life, **more))


@pytest.fixture
def service(metrics: SSEMetrics, clock: Clock) -> Service:
    return Service(metrics, clock)


def test_a_bucket_points_at_the_last_traced_stream_in_it(
    metrics: SSEMetrics, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One exemplar for each bucket, however many streams; others keep theirs."""
    for trace, wait, life in ((1, 0.375, 40), (2, 0.5, 400), (3, 7, 40.5)):
        monkeypatch.setitem(sys.modules, "opentelemetry.trace", opentelemetry(trace))
        service.stream(wait, life)

    assert exemplars(metrics, FIRST) == {0.5: f"{2:032x}", 7: f"{3:032x}"}
    assert exemplars(metrics, DURATION) == {40.5: f"{3:032x}", 400: f"{2:032x}"}


@pytest.mark.parametrize(
    "module",
    [
        opentelemetry(1, valid=False),
        opentelemetry(1, sampled=False),
        None,
        # Half imported by another thread.
        SimpleNamespace(),
    ],
    ids=["no span", "not sampled", "not loaded", "half loaded"],
)
def test_what_is_not_recorded_is_not_pointed_at(
    metrics: SSEMetrics, service: Service, monkeypatch: pytest.MonkeyPatch, module: Any
) -> None:
    """A link that leads nowhere is worse than none, and a strange tracer costs no stream."""
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", module)

    service.stream(0.3, 40)

    assert exemplars(metrics, FIRST) == exemplars(metrics, DURATION) == {}
    assert value(metrics, "sse_streams_closed_total", reason="completed") == 1


def test_a_resumed_stream_has_no_first_event_to_point_at(
    metrics: SSEMetrics, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An observation that a bucket does not count is no example of it."""
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", opentelemetry(1))

    service.stream(0.3, 40, headers={"last-event-id": "7"})

    assert exemplars(metrics, FIRST) == {}
    assert exemplars(metrics, DURATION) == {40: f"{1:032x}"}


def test_traces_of_closed_streams_are_forgotten(
    metrics: SSEMetrics, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A traced service holds no more than its open streams."""
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", opentelemetry(1))
    for _ in range(5):
        service.stream(0.3, 40)

    tracker = StreamTracker.of(metrics)
    tracker.tick()
    counts = tracker.counts_of(Resolved("other", StreamRoute()))

    assert counts.exemplars is not None
    assert counts.exemplars._open == {}


def test_exemplars_are_in_no_text_that_cannot_hold_them(
    metrics: SSEMetrics, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plain text format knows none; what scrapes it must go on as before."""
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", opentelemetry(1))

    service.stream(0.3, 40)

    assert b"trace_id" not in plain_text(metrics.registry)


@pytest.mark.slow
def test_opentelemetry_is_never_loaded_from_here() -> None:
    """Whoever does not trace pays a look into a dictionary, and no import."""
    code = (
        "import sys, sse_observe, sse_observe.middleware.exemplars as traces\n"
        "assert traces.TRACER not in sys.modules\n"
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
