"""
The content of a stream: when the first of it came, and the time from one piece to the next.

And the word that says how it ends. Knows when; what is content is the reader's business.
"""

from bisect import bisect_left

from sse_observe.middleware import judgement
from sse_observe.middleware.judgement import GAP, LATE_FIRST_EVENT, break_limit
from sse_observe.middleware.message_counts import (
    CONTENT_GAP_BOUNDS,
    FIRST_BOUNDS,
    GAP_BOUNDS,
    MessageCounts,
)
from sse_observe.middleware.stream import Stream
from sse_observe.protocols.failure import error_type
from sse_observe.protocols.model import FAILURE, STOP, TERMINAL

# Both histograms of gaps begin here: what is shorter is what remains of all at the flush.
SHORTEST_GAP = GAP_BOUNDS[0]


def count_content(stream: Stream, counts: MessageCounts, now: float) -> None:
    """Count what a user waited for; whatever was said before, the stream goes on."""
    counts.contents += 1
    if not stream.has_content:
        count_first_content(stream, counts, now)
    else:
        gap = now - stream.payload_at
        if gap >= SHORTEST_GAP:
            _count_content_gap(stream, counts, gap)
    if stream.stalled:
        stream.end_stall(now)
    stream.terminal = stream.stopped = False
    stream.failure = None
    stream.payload_at = now
    stream.flows = True


def count_pause(stream: Stream, now: float) -> None:
    """Count the time up to content, of which the message path has seen that it was long."""
    counts = stream.counts
    gap = now - stream.written_at
    if gap >= SHORTEST_GAP:
        counts.gaps.bins[bisect_left(GAP_BOUNDS, gap)] += 1
    _count_content_gap(stream, counts, now - stream.payload_at)


def _count_content_gap(stream: Stream, counts: MessageCounts, gap: float) -> None:
    counts.content_gaps.bins[bisect_left(CONTENT_GAP_BOUNDS, gap)] += 1
    if gap > counts.gap_within:
        break_limit(stream, GAP)


def count_first_content(stream: Stream, counts: MessageCounts, now: float) -> None:
    """Count how long a user waited for anything; the caller sees that it is the first."""
    stream.has_content = True
    stream.content_at = stream.content_from = now
    if stream.span is not None:
        stream.span.content_at = now
    counts.content_firsts += 1
    waited = now - stream.asked_at
    # Who resumes has seen events: a quiet feed that comes back keeps nobody waiting.
    if not stream.resumed:
        first_events = counts.first_events
        first_events.bins[bisect_left(FIRST_BOUNDS, waited)] += 1
        first_events.total += waited
        if waited > counts.first_event_within:
            break_limit(stream, LATE_FIRST_EVENT)
        if counts.exemplars is not None:
            counts.exemplars.began(stream, waited)


def take_statement(stream: Stream, meaning: int, data: bytes, now: float) -> None:
    """Take what a stream states of its end; how long it was silent before counts as ever."""
    if stream.counts.is_limited:
        judgement.look(stream, now)
    if meaning & TERMINAL:
        stream.terminal = True
    if meaning & FAILURE:
        stream.failure = error_type(data)
        if stream.span is not None:
            stream.span.failed_at = now
    if meaning & STOP:
        stream.stopped = True
