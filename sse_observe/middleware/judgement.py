"""
Goodput: one word for each finite stream, at its end. The first limit that it broke names it.

Knows the limits that a route declares and how streams end; what follows from a word is counted
elsewhere. It reads numbers that are kept anyway: no message waits for it.
"""

from sse_observe.metrics import FAILURES, GOOD
from sse_observe.middleware.scan import UNREADABLE
from sse_observe.middleware.stream import Stream

LATE_FIRST_EVENT, GAP, EMPTY, LOST = "late_first_event", "gap", "empty", "lost"

# Neither is the end of what a user waited for: the one is a poll, the other was read before.
_NO_END = frozenset({"polled", "already_complete"})
# A client that is gone may have stopped, or may come back: nobody can tell yet. The signals of
# goodput tell them by what was started, as completion does.
_WORDS = {**{reason: reason for reason in FAILURES}, "shutdown": LOST}


def break_limit(stream: Stream, limit: str) -> None:
    """Keep the first limit that an open stream has broken; later ones change nothing."""
    if stream.breach is None:
        stream.breach = limit
        stream.counts.late += 1


def overdue(stream: Stream, now: float) -> str | None:
    """Return the limit that a stream's silence has broken by now, if any."""
    counts = stream.counts
    if stream.has_content:
        return GAP if now - stream.payload_at > counts.gap_within else None
    # Who resumes has seen the first event; of a compressed body nobody sees any.
    if stream.resumed or stream.scan is UNREADABLE:
        return None
    return LATE_FIRST_EVENT if now - stream.asked_at > counts.first_event_within else None


def look(stream: Stream, now: float) -> None:
    """Judge the silence of a stream up to now, so that a freeze is seen while it lasts."""
    if stream.breach is None and stream.states_nothing():
        limit = overdue(stream, now)
        if limit is not None:
            break_limit(stream, limit)


def judgement(stream: Stream, reason: str, now: float, *, is_empty: bool) -> str | None:
    """Return the word for a stream that ended, or None for what is outside of goodput."""
    if stream.counts.config.kind != "finite" or reason in _NO_END:
        return None
    breach = stream.breach
    if breach is None and stream.states_nothing():
        breach = overdue(stream, now)
    if breach is not None:
        return breach
    if reason == "completed":
        return EMPTY if is_empty else GOOD
    return _WORDS.get(reason)
