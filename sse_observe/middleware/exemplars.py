"""
Which trace a slow or a long stream belongs to: an exemplar for each bucket and route.

OpenTelemetry is asked where the application has loaded it, and is never loaded from here.
"""

import sys
from typing import Any

from sse_observe.registry.families import Histogram

TRACER = "opentelemetry.trace"


def current_trace() -> str | None:
    """
    Return the trace that is recorded around this call, as 32 hexadecimal digits.

    To be called where the module named TRACER is loaded.
    """
    context = sys.modules[TRACER].get_current_span().get_span_context()
    if context.is_valid and context.trace_flags.sampled:
        return f"{context.trace_id:032x}"
    return None


class Exemplars:
    """
    The traces of one route's open streams, and the histograms that point at them.

    Only the last of each bucket is kept, by prometheus_client itself, which keeps none with
    several processes.
    """

    def __init__(self, first_event: Histogram, duration: Histogram) -> None:
        self._first_event = first_event
        self._duration = duration
        self._open: dict[Any, str] = {}

    def opened(self, stream: Any, trace: str) -> None:
        """Remember the trace of a stream until it is closed."""
        self._open[stream] = trace

    def began(self, stream: Any, waited: float) -> None:
        """Point from the time to a stream's first event at its trace."""
        if stream in self._open:
            self._first_event.exemplify(waited, {"trace_id": self._open[stream]})

    def closed(self, stream: Any, age: float) -> None:
        """Point from a stream's duration at its trace, and forget it."""
        if stream in self._open:
            self._duration.exemplify(age, {"trace_id": self._open.pop(stream)})
