"""
One span of OpenTelemetry per stream, where somebody asked for it.

Asks a tracer that the application has loaded; never loads one, and lets none raise. No span of
ours is ever the current one, so a stream leaves nothing in anybody's context.
"""

import atexit
import sys
from collections.abc import Callable, Mapping
from time import time_ns
from typing import Protocol

from sse_observe.middleware.exemplars import TRACER
from sse_observe.middleware.stream import Span, Stream
from sse_observe.protocols import NONE
from sse_observe.registry.registry import package_version

_SECOND = 1_000_000_000  # in OpenTelemetry's nanoseconds

Facts = Mapping[str, object]
"""Attributes of a span; one that is None is left out."""


class Recorded(Protocol):
    """A span of OpenTelemetry's, as far as it is used here."""

    def is_recording(self) -> bool:
        """Tell whether anybody will read it."""

    def set_attributes(self, attributes: Mapping[str, object]) -> None:
        """Take attributes."""

    def add_event(self, name: str, *, timestamp: int) -> None:
        """Take an event."""

    def set_status(self, status: object, description: str) -> None:
        """Take a status."""

    def update_name(self, name: str) -> None:
        """Take another name."""

    def end(self, end_time: int) -> None:
        """End."""


class Tracer(Protocol):
    """A tracer, as far as it is used here."""

    def start_span(
        self,
        name: str,
        context: object,
        kind: object,
        attributes: Mapping[str, object],
        *,
        start_time: int,
    ) -> Recorded:
        """Start a span."""


class StatusCode(Protocol):
    """The statuses of a span."""

    ERROR: object


class Trace(Protocol):
    """The module of OpenTelemetry that the application has loaded."""

    SpanKind: Mapping[str, object]
    StatusCode: StatusCode

    def get_tracer(self, name: str, version: str) -> Tracer:
        """Return the tracer for a library."""

    def get_current_span(self) -> Recorded:
        """Return the span that is current."""

    def set_span_in_context(self, span: object, context: object = None) -> object:
        """Return a context in which a span is current."""


def _trace() -> Trace:
    return sys.modules[TRACER]


class StreamSpan:
    """
    The span of one stream, from its request to its end; nothing of it raises.

    Times are in seconds of the stream's own clock; those that are fields are given to the tracer
    at the end.
    """

    __slots__ = (
        *("_attributes", "_began_at", "_epoch", "_kind", "_name", "_spans"),
        *("chunk_at", "content_at", "context", "failed_at", "resumed_at", "started"),
    )

    def __init__(
        self, spans: "Spans", name: str, kind: str, attributes: Facts, *, at: float, now: float
    ) -> None:
        self._spans = spans
        self._name, self._kind, self._attributes = name, kind, attributes
        self._began_at = at
        self._epoch = time_ns() - round(now * _SECOND)
        self.context: object = None
        """Set where it waits; None is OpenTelemetry's word for what is current when it starts."""
        self.started: Recorded | None = None
        """OpenTelemetry's own span, from `start` on."""
        self.resumed_at: float | None = None
        self.chunk_at: float | None = None
        """When its first bytes came, whatever they were."""
        self.content_at: float | None = None
        self.failed_at: float | None = None
        """When the stream said that it had failed; it may have gone on since."""

    def wait(self) -> None:
        """Remember what is current: it is not when the span will start."""
        try:
            trace = _trace()
            self.context = trace.set_span_in_context(trace.get_current_span())
        except Exception:  # noqa: BLE001 - the stream goes on without its span
            self._spans.failed()

    def start(self, parent: Span | None = None) -> None:
        """Start it, once: below a parent that has started, or else below what is current."""
        if self.started is not None:
            return
        try:
            trace, context = _trace(), self.context
            if parent is not None and parent.started is not None:
                context = trace.set_span_in_context(parent.started, context)
            self.started = self._spans.tracer(trace).start_span(
                self._name,
                context,
                trace.SpanKind[self._kind],
                self._attributes,
                start_time=self._nanoseconds(self._began_at),
            )
        except Exception:  # noqa: BLE001 - the stream goes on without its span
            self._spans.failed()

    def end(
        self,
        stream: Stream,
        at: float,
        outcome: str,
        facts: Facts,
        *,
        has_failed: bool,
        name: str | None = None,
    ) -> None:
        """
        End it at this time, in this way, with what is known of its stream by then.

        `name` is a better one than it began with.
        """
        if self.started is None:
            return
        try:
            span = self.started
            if span.is_recording():
                known = {
                    **facts,
                    "sse.outcome": outcome,
                    "sse.events": stream.events,
                    "sse.bytes": stream.bytes,
                }
                reader = stream.reader
                if reader is not None and reader.protocol is not NONE:
                    known["sse.protocol"] = reader.protocol.name
                if has_failed:
                    known["error.type"] = stream.failure or outcome
                    span.set_status(_trace().StatusCode.ERROR, outcome)
                if name is not None:
                    span.update_name(name)
                if stream.failure is None:
                    self.failed_at = None
                span.set_attributes({key: fact for key, fact in known.items() if fact is not None})
                self._add_events(span)
            span.end(self._nanoseconds(at))
        except Exception:  # noqa: BLE001 - the stream has ended without its span
            self._spans.failed()

    def _add_events(self, span: Recorded) -> None:
        for name, at in (
            ("sse.resume", self.resumed_at),
            ("sse.first_content", self.content_at),
            ("sse.error_event", self.failed_at),
        ):
            if at is not None:
                span.add_event(name, timestamp=self._nanoseconds(at))

    def _nanoseconds(self, at: float) -> int:
        return self._epoch + round(at * _SECOND)


class Spans:
    """
    The beginning of all spans of one tracker; `on_error` counts a tracer that fails.

    `count_last` counts what has ended and was not counted yet, when the process exits.
    """

    def __init__(self, on_error: Callable[[str], None], count_last: Callable[[], None]) -> None:
        self._on_error = on_error
        self._count_last = count_last
        self._trace: Trace | None = None
        self._tracer: Tracer | None = None

    def make(
        self, name: str, kind: str, attributes: Facts, *, at: float, now: float
    ) -> StreamSpan | None:
        """
        Return the span of a stream that was asked for `at` this time; None without OpenTelemetry.

        `kind` is the name of a `SpanKind`.
        """
        if TRACER not in sys.modules:
            return None
        return StreamSpan(self, name, kind, attributes, at=at, now=now)

    def serve(self, stream: Stream) -> None:
        """Begin the span of a stream whose response has started."""
        label, now = stream.counts.label, stream.opened_at
        name, facts = f"stream {label}", {"sse.route": label}
        span = stream.span = self.make(name, "INTERNAL", facts, at=stream.asked_at, now=now)
        if span is not None:
            if stream.resumed:
                span.resumed_at = now
            span.start()

    def tracer(self, trace: Trace) -> Tracer:
        """Return the tracer that the application's OpenTelemetry has for us; asked for once."""
        if self._tracer is None or self._trace is not trace:
            self._tracer = trace.get_tracer("sse_observe", package_version())
            if self._trace is None:
                # After the provider's own, so that it is called before: then there is a provider.
                atexit.register(self._count_last)
            self._trace = trace
        return self._tracer

    def failed(self) -> None:
        """Count a failure of a tracer's, or of ours."""
        self._on_error("middleware")
