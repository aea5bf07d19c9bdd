"""
From a bucket of a histogram to the trace of a stream in it: one exemplar for each bucket and route.

OpenTelemetry is asked where the application has loaded it, and is never loaded from here.
"""

import sys
from collections.abc import Hashable

from sse_observe.registry.sink import Histogram

TRACER = "opentelemetry.trace"


def current_trace() -> str | None:
    """
    Return the trace that is recorded around this call, as 32 hexadecimal digits, or None.

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
        self._open: dict[Hashable, str] = {}

    def opened(self, stream: Hashable, trace: str) -> None:
        """Remember the trace of a stream until it is closed."""
        self._open[stream] = trace

    def began(self, stream: Hashable, waited: float) -> None:
        """Point from the time to a stream's first event at its trace."""
        if stream in self._open:
            self._first_event.exemplify(waited, {"trace_id": self._open[stream]})

    def closed(self, stream: Hashable, age: float) -> None:
        """Point from a stream's duration at its trace, and forget it."""
        if stream in self._open:
            self._duration.exemplify(age, {"trace_id": self._open.pop(stream)})
