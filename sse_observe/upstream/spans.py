"""
The spans of consumed streams: children of the served stream for which they are read.

Knows who waits for whom; what a span is, the middleware knows.
"""

from collections import deque

from sse_observe.asgi import header
from sse_observe.middleware.spans import Facts, Spans
from sse_observe.middleware.stream import OVER
from sse_observe.upstream import gen_ai
from sse_observe.upstream.asking import Asking
from sse_observe.upstream.stream import ConsumedStream

_NO_FAILURES = ("completed", "abandoned")
# Of all requests that are not answered yet; what is beyond goes below the span that was current.
_MOST_WAITING = 10_000


class ConsumedSpans:
    """
    The spans of the consumed streams of one tracker.

    A gateway asks its upstream before it answers itself, so a parent may begin after its child,
    and even after its end: until then the child waits. `end` and `look` want the tracker's lock.
    """

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self._is_opted_in = gen_ai.is_opted_in()
        self.waiting: deque[ConsumedStream] = deque()
        """Those that have ended before their parent began."""

    def begin(self, consumed: ConsumedStream, asking: Asking, now: float) -> None:
        """Begin the span of a stream that was asked for; its parent may have to come first."""
        label = consumed.upstream.label
        name, facts = f"consume {label}", {"sse.upstream": label}
        span = consumed.span = self._spans.make(
            name, "CLIENT", facts, at=consumed.asked_at, now=now
        )
        if span is None:
            return
        if header(asking.headers, b"last-event-id") is not None:
            span.resumed_at = now
        if self._is_opted_in:
            consumed.model = gen_ai.model_of(asking.ends())
        if _must_wait(consumed):
            span.wait()
        else:
            _start(consumed)

    def end(self, consumed: ConsumedStream) -> None:
        """End the span of a stream that has ended, or of a request that got none."""
        if _must_wait(consumed) and len(self.waiting) < _MOST_WAITING:
            self.waiting.append(consumed)
        else:
            _end(consumed, with_gen_ai=self._is_opted_in)

    def look(self, *, last: bool) -> None:
        """End what has waited for its parent; `last`: all, since nothing follows."""
        for _ in range(len(self.waiting)):
            consumed = self.waiting.popleft()
            if last:
                _end(consumed, with_gen_ai=self._is_opted_in)
            else:
                self.end(consumed)


def _must_wait(consumed: ConsumedStream) -> bool:
    """Tell whether the request for which a stream is read may still become its parent."""
    served = consumed.served
    return not (served is None or served.is_stream or served.scope is OVER)


def _start(consumed: ConsumedStream) -> None:
    served = consumed.served
    if consumed.span is not None:
        consumed.span.start(served.span if served is not None and served.is_stream else None)


def _end(consumed: ConsumedStream, *, with_gen_ai: bool) -> None:
    span, how, at = consumed.span, consumed.closed_as, consumed.ended_at
    if span is not None and span.context is not None:
        # It has waited. No other is started here: this is in anybody's context.
        _start(consumed)
    consumed.served = None
    if span is None or how is None or at is None:
        return
    facts: Facts = {}
    if with_gen_ai and consumed.reader is not None:
        first = None if span.chunk_at is None else span.chunk_at - consumed.asked_at
        facts = gen_ai.facts_of(consumed.reader.protocol.name, consumed.model, first)
    name = gen_ai.name_of(facts)
    span.end(consumed, at, how, facts, has_failed=how not in _NO_FAILURES, name=name)
