"""
Whose fault it is that a served stream failed: one cause for each, and `unknown` without evidence.

Judges what a request has shown: how its stream ended, what its application raised, and how the
streams fared that were consumed meanwhile. Knows no HTTP client and no protocol. Entry: `Causes`.
"""

import re
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Protocol
from weakref import ref

from sse_observe.middleware.judgement import EMPTY, GAP, LATE_FIRST_EVENT
from sse_observe.middleware.route_counts import RouteCounts
from sse_observe.middleware.stream import Stream

WAITS_SECONDS = 60.0
"""So long a client that vanished may take to come back for the rest."""
# Of vanished clients, and of those that came back: what is older is forgotten first.
_MOST_REMEMBERED = 10_000
# Who asks more often in one request has long shown how it fares.
_MOST_CONSUMED = 32
_LONGEST_CHAIN = 20
# A library's error says that a request of the application failed, and not whose fault that was.
_CLIENTS = frozenset(
    (
        *("httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "requests", "urllib3", "urllib"),
        *("http", "grpc", "openai", "anthropic", "litellm", "botocore", "google", "websockets"),
        *("h11", "h2", "socket", "ssl"),
    )
)
# An epoch is one stream's own; any other id is compared as it is.
_DENSE = re.compile(rb"\d+-(.+)").fullmatch

_ENDS = {
    "shutdown": "deploy",
    "slow_consumer": "network",
    "cancelled": "user",
}
"""Ends that are evidence of their cause by themselves."""
_BROKEN = ("server_error", "error_event")
_REFUSED_AS_WRONG = "refused_4xx"
# Of a feed, which has no end to reach.
_USUAL_OF_A_FEED = ("client_disconnected", "shutdown", "cancelled")


class Consumed(Protocol):
    """A stream that an application consumes, or a request for one."""

    opened_at: float
    ended_at: float | None
    """None while it goes on."""
    error: ref[BaseException] | None
    """The error that it raised, where that can be referred to weakly."""

    @property
    def waited(self) -> float | None:
        """Seconds from the request to its first content; None where there is none yet."""

    @property
    def end(self) -> str | None:
        """One of `UPSTREAM_ENDS`, as far as it is known: it may have failed before it is closed."""


class Evidence:
    """The evidence that one served request has shown so far."""

    __slots__ = ("consumed", "raised", "raised_of")

    def __init__(self) -> None:
        self.consumed: list[Consumed] = []
        """In the order in which they were asked for."""
        self.raised = False
        self.raised_of: str | None = None
        """The cause that the application's own error is evidence of."""

    def add(self, consumed: Consumed) -> None:
        """Take a stream that is consumed while the request is answered."""
        if len(self.consumed) >= _MOST_CONSUMED:
            del self.consumed[0]
        self.consumed.append(consumed)

    def cause(self, at: float) -> str:
        """Return the cause of a stream that broke at this time, by its application's doing."""
        failed = [one for one in self.consumed if _failed_by(one, at)]
        if self.raised_of == "upstream":
            return "upstream"
        if failed:
            last = failed[-1]
            others = [one for one in self.consumed if one not in failed and _is_good(one, last)]
            healed = any(one.end == "completed" and one.opened_at >= _end(last) for one in others)
            if others and not healed:
                # At once: the application may have done without the one that failed.
                return "unknown"
            if not healed:
                return "application" if last.end == _REFUSED_AS_WRONG else "upstream"
        if self.raised:
            return self.raised_of or "unknown"
        ended = [one.end for one in self.consumed if one not in failed]
        is_whole = bool(ended) and all(end == "completed" for end in ended)
        return "application" if is_whole else "unknown"

    def cause_of_wait(self, limit: float, at: float) -> str:
        """Return why a user waited for longer than this: one upstream alone may have taken it."""
        waits = (_waited(one, at) for one in self.consumed)
        return "upstream" if any(wait >= limit for wait in waits) else "unknown"


def _waited(one: Consumed, at: float) -> float:
    """Return how long an application has waited for content, by the end of its own stream."""
    if one.waited is not None:
        return one.waited
    return min(at, at if one.ended_at is None else one.ended_at) - one.opened_at


def _end(one: Consumed) -> float:
    return one.opened_at if one.ended_at is None else one.ended_at


def _failed_by(one: Consumed, at: float) -> bool:
    return one.end not in (None, "completed", "abandoned") and _end(one) <= at


def _is_good(one: Consumed, failed: Consumed) -> bool:
    """Tell whether a stream has outlived one that failed."""
    if one.end == "abandoned":
        return False
    return one.ended_at is None or one.ended_at > _end(failed)


def evidence_of(stream: Stream) -> Evidence:
    """Return what the request of a stream has shown, made at the first call."""
    found = stream.evidence
    if not isinstance(found, Evidence):
        found = stream.evidence = Evidence()
    return found


def take_error(stream: Stream, error: BaseException) -> None:
    """Take an application's error as evidence, as far as it is any."""
    evidence = evidence_of(stream)
    evidence.raised = True
    known = {id(one.error()) for one in evidence.consumed if one.error is not None} - {id(None)}
    if not isinstance(error, Exception):
        return
    chain = list(_chain(error))
    if any(id(one) in known for one in chain):
        evidence.raised_of = "upstream"
    elif not any(_is_of_a_client(one) for one in chain):
        evidence.raised_of = "application"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, those in a group, and those that led to it."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < _LONGEST_CHAIN:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        waiting += [other for other in (one.__cause__, one.__context__) if other is not None]


def _is_of_a_client(error: BaseException) -> bool:
    """Tell whether an error may be that of somebody who was asked, or who never answered."""
    kinds = type(error).__mro__
    return isinstance(error, ConnectionError | TimeoutError) or any(
        kind.__module__.partition(".")[0] in _CLIENTS for kind in kinds
    )


_NO_EVIDENCE = Evidence()


class _Left:
    """A stream whose client vanished, until it is known what became of it."""

    __slots__ = ("at", "counts", "key")

    def __init__(self, key: tuple[str, bytes], counts: RouteCounts, at: float) -> None:
        self.key = key
        self.counts: RouteCounts | None = counts
        """None once its cause is counted."""
        self.at = at

    def decide(self, cause: str) -> None:
        """Count the cause."""
        if self.counts is not None:
            self.counts.failed[cause,] += 1
            self.counts = None


class Causes:
    """
    The causes of all failed streams of one tracker, each counted once.

    A client that vanished may come back for the rest, which shows that nobody stopped the stream;
    so its cause is open for a while. One return explains one leaving: readers of one stream share
    its ids. The caller holds the tracker's lock.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: deque[_Left] = deque()
        self._left: defaultdict[tuple[str, bytes], list[_Left]] = defaultdict(list)
        self._came_back: OrderedDict[tuple[str, bytes], float] = OrderedDict()

    def has_streams(self) -> bool:
        """Tell whether a cause is still to be decided."""
        return bool(self._open)

    def opened(self, stream: Stream, cursor: bytes | None) -> None:
        """Take a stream that begins; who comes back with a cursor shows what became of its last."""
        key = _key(stream, cursor or b"")
        if key is None:
            return
        if self._left.get(key):
            self._left[key][-1].decide("network")
            self._forget(self._left[key][-1])
            return
        # The old connection may not have been missed yet.
        self._came_back[key] = self._clock()
        self._came_back.move_to_end(key)
        if len(self._came_back) > _MOST_REMEMBERED:
            self._came_back.popitem(last=False)

    def closed(
        self, stream: Stream, reason: str, at: float, verdict: str | None = None
    ) -> str | None:
        """
        Count the cause of a stream that ended in this way, if it failed; return it, once known.

        `verdict` is the word of goodput for it: what is complete may have come late, or be empty.
        """
        found, stream.evidence = stream.evidence, None
        evidence = found if isinstance(found, Evidence) else _NO_EVIDENCE
        counts = stream.counts
        if counts.config.kind != "finite" and reason in _USUAL_OF_A_FEED:
            return None
        if reason == "client_disconnected":
            cause = self._of_a_leaver(stream)
        else:
            cause = _cause(evidence, reason, at, verdict, counts.first_event_within)
        if cause is not None:
            counts.failed[cause,] += 1
        return cause

    def _of_a_leaver(self, stream: Stream) -> str | None:
        """Return why a client has left; None while it may still come back."""
        counts = stream.counts
        key = _key(stream, stream.id.partition(b":")[2].removeprefix(b" "))
        if key is None:
            return "unknown"
        if self._came_back.get(key, stream.opened_at) > stream.opened_at:
            del self._came_back[key]
            return "network"
        left = _Left(key, counts, self._clock())
        self._left[key].append(left)
        self._open.append(left)
        if len(self._open) > _MOST_REMEMBERED:
            # Not at the next tick: a loop that is kept busy by strangers may have none.
            self.look(left.at)
        return None

    def look(self, now: float, *, last: bool = False) -> None:
        """Count what has waited long enough as unknown; what waits at last too."""
        due = now - WAITS_SECONDS
        while self._open:
            left = self._open[0]
            too_many = len(self._open) > _MOST_REMEMBERED
            if left.counts is not None:
                if not (last or too_many or left.at <= due):
                    return
                left.decide("unknown")
                self._forget(left)
            self._open.popleft()

    def write(self) -> None:
        """Write nothing: each cause is counted on the route of its stream."""

    def _forget(self, left: _Left) -> None:
        waiting = self._left[left.key]
        waiting.remove(left)
        if not waiting:
            del self._left[left.key]


def _cause(
    evidence: Evidence, reason: str, at: float, verdict: str | None, limit: float
) -> str | None:
    """Return the cause of a stream whose client stayed; None where it did not fail."""
    if reason in _BROKEN:
        return evidence.cause(at)
    if reason in _ENDS:
        return _ENDS[reason]
    if verdict == LATE_FIRST_EVENT:
        return evidence.cause_of_wait(limit, at)
    if verdict == EMPTY:
        return evidence.cause(at)
    # Who was silent in the middle is not remembered.
    return "unknown" if verdict == GAP else None


def _key(stream: Stream, last: bytes) -> tuple[str, bytes] | None:
    """
    Return by what a client that comes back is known: the epoch of its ids, or its last id.

    None for a plain number, which is the id of many, and for no id at all.
    """
    if not last or last.isdigit():
        return None
    dense = _DENSE(last)
    return stream.counts.label, dense[1] if dense else last
