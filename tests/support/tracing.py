"""The spans of one test, by OpenTelemetry's own SDK, kept in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Traces:
    """A provider, and what it has exported."""

    def __init__(self, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(**options)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def tracer(self, name: str, version: str | None = None, *_: object, **__: object) -> Any:
        """Return a tracer of this provider, whoever asks for which."""
        return self.provider.get_tracer(name, version)

    def spans(self) -> list[ReadableSpan]:
        """Return all that have ended, in that order."""
        return list(self.exporter.get_finished_spans())

    def named(self, beginning: str) -> list[ReadableSpan]:
        """Return those whose name begins so."""
        return [span for span in self.spans() if span.name.startswith(beginning)]

    def one(self, beginning: str) -> ReadableSpan:
        """Return the only one whose name begins so."""
        (found,) = self.named(beginning)
        return found


@contextmanager
def traced(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[Traces]:
    """Let whoever asks OpenTelemetry for a tracer in here get one of a provider of its own."""
    found = Traces(**options)
    with monkeypatch.context() as patched:
        patched.setattr(trace, "get_tracer", found.tracer)
        yield found


def events(span: ReadableSpan) -> dict[str, float]:
    """Return a span's events by name, in seconds after its start."""
    began = span.start_time or 0
    return {event.name: (event.timestamp - began) / 1e9 for event in span.events}


def seconds(span: ReadableSpan) -> float:
    """Return how long a span lasted."""
    return ((span.end_time or 0) - (span.start_time or 0)) / 1e9


def is_child(span: ReadableSpan, parent: ReadableSpan) -> bool:
    """Tell whether one is the other's child, in the same trace."""
    found, of = span.parent, parent.context
    return found is not None and (found.trace_id, found.span_id) == (of.trace_id, of.span_id)
